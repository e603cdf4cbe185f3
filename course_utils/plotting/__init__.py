"""Figures of the course: each function returns a figure with an alt text and never shows it.

One palette with fixed meanings: blue is real, vermillion is fake (and the generator), bluish green
is the discriminator, dashed black is exact.
"""

from course_utils.plotting.curves import density_game, draw_losses, loss_curves
from course_utils.plotting.fields import decision_surface, draw_vector_field, vector_field
from course_utils.plotting.figure import (
    DISCRIMINATOR,
    EXACT,
    EXACT_LINE,
    FAKE,
    GENERATOR,
    PALETTE,
    REAL,
    CourseFigure,
    subplots,
)
from course_utils.plotting.film import Animation, film
from course_utils.plotting.images import draw_images, image_grid, tile

__all__ = [
    "DISCRIMINATOR",
    "EXACT",
    "EXACT_LINE",
    "FAKE",
    "GENERATOR",
    "PALETTE",
    "REAL",
    "Animation",
    "CourseFigure",
    "decision_surface",
    "density_game",
    "draw_images",
    "draw_losses",
    "draw_vector_field",
    "film",
    "image_grid",
    "loss_curves",
    "subplots",
    "tile",
    "vector_field",
]
