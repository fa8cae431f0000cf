"""georetrieval: which stored tile shows the same thing as this image?

Importing the package loads neither torch nor GDAL; the rooms do, when they are entered.
"""

__version__ = "0.1.0"
