"""What may be asked: the public views with their help, columns and types."""

from orchestrion.projections.models import View, models
from orchestrion.projections.shapes import shapes

VIEWS: tuple[View, ...] = tuple(
    View(model.name, model.help, tuple(shapes()[model.name].items()))
    for model in sorted(models(), key=lambda model: model.name)
    if model.public
)
