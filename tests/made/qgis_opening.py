"""What QGIS makes of files that are dragged into it. Run by the Python of QGIS with ASKED.json; JSON on stdout.

Asked: {"files": [PATH...], "pictures": FOLDER, "size": [w, h], "extent": [xmin, ymin, xmax, ymax] or null}. Every
layer of a file is added as by the browser panel, with the style that QGIS finds by itself, and drawn with all others.
"""

import json
import os
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsProviderRegistry,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def layers_of(path):
    """The layers that dragging a file adds, first on top."""
    if Path(path).suffix.lower() in (".tif", ".tiff", ".jp2"):
        return [QgsRasterLayer(path, Path(path).stem, "gdal")]
    found = QgsProviderRegistry.instance().querySublayers(path)
    return [QgsVectorLayer(item.uri(), item.name(), "ogr") for item in found if item.geometryColumnName()] or [
        QgsVectorLayer(path, Path(path).stem, "ogr")]


def seen(layer):
    """What a user would read in the layer's properties."""
    value = {"name": layer.name(), "valid": layer.isValid(), "crs": layer.crs().authid()}
    renderer = layer.renderer()
    value["renderer"] = renderer.type() if renderer else None
    if isinstance(layer, QgsRasterLayer):
        return value | raster(layer, renderer)
    value["features"] = layer.featureCount()
    value["legend"] = [item.label() for item in renderer.legendSymbolItems()]
    value["alias"] = {f.name(): f.displayName() for f in layer.fields()}
    if renderer.type() == "categorizedSymbol":
        value["expression"] = renderer.classAttribute()
        value["categories"] = [[c.value(), c.label(), colour(c.symbol())] for c in renderer.categories()]
    value["labels"] = layer.labelsEnabled()
    value["display"] = layer.displayExpression()
    value["from_scale"] = layer.minimumScale() if layer.hasScaleBasedVisibility() else 0
    value["map_tip"] = layer.mapTipTemplate()
    if layer.labeling():
        settings = layer.labeling().settings()
        value["label"] = {"text": settings.fieldName, "size": settings.format().size(),
                          "scales": settings.scaleVisibility,
                          "from_scale": settings.minimumScale, "to_scale": settings.maximumScale}
    return value


def colour(symbol):
    """The colour that is drawn; a line on a polygon keeps it in its layer."""
    return symbol.symbolLayer(0).color().name()


def raster(layer, renderer):
    """Bands, and the classes of a palette."""
    value = {"bands": layer.bandCount(), "width": layer.width(), "pyramids": layer.dataProvider().hasPyramids()}
    if renderer.type() == "paletted":
        value["classes"] = [[c.value, c.color.name(), c.label] for c in renderer.classes()]
    return value


def draw(layers, path, size, extent):
    """Draw layers, the first on top; what QGIS complained about."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setOutputSize(QSize(*size))
    settings.setOutputDpi(96)
    settings.setBackgroundColor(QColor("white"))
    settings.setDestinationCrs(layers[0].crs())
    if extent:
        settings.setExtent(QgsRectangle(*extent))
    else:
        box = settings.fullExtent()
        box.scale(1.05)
        settings.setExtent(box)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(path)
    return [error.message for error in job.errors()]


def main():
    asked = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    application = QgsApplication([], False)
    application.initQgis()
    try:
        told, layers = [], []
        for path in asked["files"]:
            added = layers_of(path)
            layers += added
            told.append({"file": path, "layers": [seen(layer) for layer in added]})
        QgsProject.instance().addMapLayers(layers)
        picture = str(Path(asked["pictures"]) / "map.png")
        errors = draw(layers, picture, asked.get("size", [1000, 700]), asked.get("extent"))
        sys.stdout.write(json.dumps({"files": told, "picture": picture, "errors": errors}))
        sys.stdout.flush()
        os._exit(0)  # QGIS may crash when Python takes it apart
    finally:
        application.exitQgis()


if __name__ == "__main__":
    main()
