"""Processing algorithm of QGIS: make a set of tiles searchable."""

from command_line import run
from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
    QgsProcessingUtils,
)

FOLDER = QgsProcessingParameterFile.Folder


class IndexTiles(QgsProcessingAlgorithm):
    """`georetrieval index build` and `index export` as a tool of the toolbox."""

    def name(self):
        return "georetrieval_index_tiles"

    def displayName(self):
        return "Index of tiles"

    def group(self):
        return "georetrieval"

    def groupId(self):
        return "georetrieval"

    def createInstance(self):
        return IndexTiles()

    def shortHelpString(self):
        return ("Makes an index of the tiles of one date, in which 'Find this place' then looks. The model is the "
                "folder of a training run. The rows of the index come as a layer with the date of each tile.")

    def initAlgorithm(self, config=None):  # noqa: ARG002
        for parameter in (
            QgsProcessingParameterFile("TILES", "Folder of tiles", FOLDER),
            QgsProcessingParameterFile("MODEL", "Folder of the model", FOLDER),
            QgsProcessingParameterString("DATE", "Only tiles of this date", optional=True),
            QgsProcessingParameterString("SCOPE", "Only tiles of this département", optional=True),
            QgsProcessingParameterFolderDestination("INDEX", "Folder of the index"),
            QgsProcessingParameterFileDestination("OUTPUT", "Its tiles", "GeoPackage (*.gpkg)"),
        ):
            self.addParameter(parameter)

    def processAlgorithm(self, parameters, context, feedback):
        index = self.parameterAsString(parameters, "INDEX", context)
        out = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        words = ["index", "build", index, "--tiles", self.parameterAsString(parameters, "TILES", context),
                 "--model", self.parameterAsString(parameters, "MODEL", context)]
        for name, option in (("DATE", "--date"), ("SCOPE", "--scope")):
            if value := self.parameterAsString(parameters, name, context):
                words += [option, value]
        run(words, feedback)
        run(["index", "export", index, "-o", out], feedback)
        details = QgsProcessingContext.LayerDetails("tiles of the index", context.project(), "tiles",
                                                    QgsProcessingUtils.LayerHint.Vector)
        context.addLayerToLoadOnCompletion(f"{out}|layername=rows", details)
        return {"INDEX": index, "OUTPUT": out}
