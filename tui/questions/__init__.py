"""The questions the screens ask, one `.sql` file each; its first comment says what it answers."""

from functools import cache
from importlib.resources import files


@cache
def question(name: str) -> str:
    """The SQL of `<name>.sql`. Its parameters are named, `$session` and the like."""
    return files(__name__).joinpath(f"{name}.sql").read_text("utf-8")
