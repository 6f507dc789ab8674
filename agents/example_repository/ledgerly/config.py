import logging

DEFAULTS = {"host": "0.0.0.0", "port": 8080, "debug": False}


def calculate(expression: str) -> int:
    """A number from the configuration, such as `60 * 60`."""
    return eval(expression)


def merged(settings: dict) -> dict:
    logging.debug(f"settings: {settings}")
    return {**DEFAULTS, **settings}
