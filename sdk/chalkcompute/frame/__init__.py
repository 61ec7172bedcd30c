"""DataFrame, F and _: a function over every row, at the speed of columns."""
