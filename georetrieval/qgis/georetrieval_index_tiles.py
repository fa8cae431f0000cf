"""Processing algorithm of QGIS: make a set of tiles searchable."""

from command_line import run, show
from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterString,
    QgsProcessingUtils,
)

FOLDER = QgsProcessingParameterFile.Folder
BASELINES = ["hog", "class-shares", "untrained"]


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
                "folder of a training run; without one, take a baseline: hog looks at the photograph, class-shares at "
                "the map. The rows of the index come as a layer with the date of each tile. A long work that is "
                "cancelled goes on where it stopped when it is started again.")

    def initAlgorithm(self, config=None):  # noqa: ARG002
        for parameter in (
            QgsProcessingParameterFile("TILES", "Folder of tiles", FOLDER),
            QgsProcessingParameterFile("MODEL", "Folder of the model", FOLDER, optional=True),
            QgsProcessingParameterEnum("BASELINE", "or a baseline", BASELINES, optional=True, usesStaticStrings=True),
            QgsProcessingParameterString("DATE", "Only tiles of this date", optional=True),
            QgsProcessingParameterString("SCOPE", "Only tiles of this département", optional=True),
            QgsProcessingParameterBoolean("REPLACE", "Publish a new version of an index that exists", False),
            QgsProcessingParameterFolderDestination("INDEX", "Folder of the index"),
            QgsProcessingParameterFileDestination("OUTPUT", "Its tiles", "GeoPackage (*.gpkg)"),
        ):
            self.addParameter(parameter)

    def processAlgorithm(self, parameters, context, feedback):
        index = self.parameterAsString(parameters, "INDEX", context)
        if index == QgsProcessing.TEMPORARY_OUTPUT:
            index = QgsProcessingUtils.generateTempFilename("index")
        out = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        words = ["index", "build", index, "--tiles", self.parameterAsString(parameters, "TILES", context),
                 "--model", self._model(parameters, context)]
        for name, option in (("DATE", "--date"), ("SCOPE", "--scope")):
            if value := self.parameterAsString(parameters, name, context):
                words += [option, value]
        if self.parameterAsBoolean(parameters, "REPLACE", context):
            words.append("--replace")
        run(words, feedback)
        run(["index", "export", index, "-o", out], feedback)
        show(out, "rows", "tiles of the index", context)
        return {"INDEX": index, "OUTPUT": out}

    def _model(self, parameters, context):
        """The one model that is asked for."""
        given = [value for value in (self.parameterAsString(parameters, "MODEL", context),
                                     self.parameterAsEnumString(parameters, "BASELINE", context)) if value]
        if len(given) != 1:
            raise QgsProcessingException("Give the folder of a model or a baseline: one of them, not "
                                         f"{len(given)}.")
        return given[0]
