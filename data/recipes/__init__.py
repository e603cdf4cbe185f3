"""How each file of the bundle is made from its source package: one module an idea, one function an output."""
