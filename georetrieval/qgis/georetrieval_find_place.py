"""Processing algorithm of QGIS: where is this picture, extent or point?"""

import os

from command_line import crs_of, run, show
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterNumber,
    QgsProcessingParameterPoint,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

FOLDER = QgsProcessingParameterFile.Folder


class FindPlace(QgsProcessingAlgorithm):
    """`georetrieval search` as a tool of the toolbox."""

    def name(self):
        return "georetrieval_find_place"

    def displayName(self):
        return "Find this place"

    def group(self):
        return "georetrieval"

    def groupId(self):
        return "georetrieval"

    def createInstance(self):
        return FindPlace()

    def shortHelpString(self):
        return ("Finds the tiles of an index that look most like a picture, or like the tiles of an extent or a point "
                "at another date. Give one of the three. An extent and a point need the folder of tiles, and the date "
                "of those that ask. The answers come as a GeoPackage with the layers matches and queries, with their "
                "style: green is the true answer, red another place, blue an answer of which the truth is not known.")

    def initAlgorithm(self, config=None):  # noqa: ARG002
        optional = {"optional": True}
        for parameter in (
            QgsProcessingParameterFile("INDEX", "Folder of the index", FOLDER),
            QgsProcessingParameterRasterLayer("PICTURE", "Picture", **optional),
            QgsProcessingParameterExtent("EXTENT", "or extent", **optional),
            QgsProcessingParameterPoint("POINT", "or point", **optional),
            QgsProcessingParameterFile("TILES", "Folder of tiles", FOLDER, **optional),
            QgsProcessingParameterString("DATE", "Date of the tiles that ask", **optional),
            QgsProcessingParameterString("FILTER_DATE", "Only answers of this date", **optional),
            QgsProcessingParameterNumber("K", "Answers per query", defaultValue=5, minValue=1, maxValue=1000),
            QgsProcessingParameterFileDestination("OUTPUT", "Answers", "GeoPackage (*.gpkg)"),
        ):
            self.addParameter(parameter)

    def processAlgorithm(self, parameters, context, feedback):
        index = self.parameterAsString(parameters, "INDEX", context)
        out = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        query = self._query(parameters, context, index, feedback)
        words = ["search", index, query, "-k", str(self.parameterAsInt(parameters, "K", context)), "-o", out]
        for name, option in (("TILES", "--tiles"), ("DATE", "--date"), ("FILTER_DATE", "--filter-date")):
            if value := self.parameterAsString(parameters, name, context):
                words += [option, value]
        run(words, feedback)
        for layer in ("queries", "matches"):
            show(out, layer, layer, context)
        return {"OUTPUT": out}

    def _query(self, parameters, context, index, feedback):
        """The one thing that is asked, as `search` takes it: a path, or numbers in the index's CRS."""
        given = [name for name in ("PICTURE", "EXTENT", "POINT") if parameters.get(name)]
        if len(given) != 1:
            raise QgsProcessingException(f"Give a picture, an extent or a point: one of them, not {len(given)}.")
        if given == ["PICTURE"]:
            return self._file(parameters, context)
        crs = QgsCoordinateReferenceSystem(crs_of(index, feedback))
        if given == ["POINT"]:
            point = self.parameterAsPoint(parameters, "POINT", context, crs)
            return f"{point.x():.3f},{point.y():.3f}"
        box = self.parameterAsExtent(parameters, "EXTENT", context, crs)
        return ",".join(f"{v:.3f}" for v in (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()))

    def _file(self, parameters, context):
        """The file of the picture; a layer of a server has none."""
        layer = self.parameterAsRasterLayer(parameters, "PICTURE", context)
        if layer is None:
            raise QgsProcessingException(f"The picture {parameters['PICTURE']} cannot be opened; give an image file or "
                                         "a raster layer.")
        if not os.path.isfile(layer.source()):  # noqa: PTH113 - QGIS gives text
            raise QgsProcessingException(f"The picture {layer.name()} is not a file but {layer.source()}; save it as "
                                         "a GeoTIFF and give that.")
        return layer.source()
