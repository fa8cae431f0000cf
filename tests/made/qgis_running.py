"""Tools of the Processing toolbox, run as its dialog runs them, and what they load. Run by the Python of QGIS.

Given ASKED.json: {"runs": [[NAME, {PARAMETER: VALUE}]...], "under": {LAYER: RASTER}, "pictures": FOLDER, "size":
[w, h]}, where rasters are layers of the project before anything is run; JSON on the last line of stdout.
"""

import json
import os
import sys
from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingException, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QCoreApplication
from qgis_opening import draw, seen

PLUGINS = "/usr/share/qgis/python/plugins"


def main():
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    QCoreApplication.setOrganizationName("QGIS")
    QCoreApplication.setApplicationName("QGIS3")
    application = QgsApplication([], False)
    application.initQgis()
    sys.path.insert(0, PLUGINS)
    import processing
    from processing.core.Processing import Processing

    Processing.initialize()
    rasters = [QgsRasterLayer(path, name, "gdal") for name, path in asked["under"].items()]
    QgsProject.instance().addMapLayers(rasters)
    said = []
    for name, parameters in asked["runs"]:
        try:
            processing.runAndLoadResults(f"script:{name}", parameters)
            said.append("")
        except QgsProcessingException as error:
            said.append(str(error))
    layers = [layer for layer in QgsProject.instance().layerTreeRoot().layerOrder() if layer not in rasters]
    picture = str(Path(asked["pictures"]) / "map.png")
    told = {"said": said, "layers": [seen(layer) for layer in layers], "picture": picture,
            "errors": draw([*layers, *rasters], picture, asked["size"], None)}
    sys.stdout.write("\n" + json.dumps(told) + "\n")
    sys.stdout.flush()
    os._exit(0)  # QGIS may crash when Python takes it apart


main()
