"""Models, training loops, data and checks of the course *GANs: from the min-max formula to machines that write*.

Importing this package loads nothing heavy; import the room you need, for example
``from course_utils.training.image_gan import ImageGAN``.
"""

__version__ = "0.1.0"
