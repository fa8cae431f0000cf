"""Run georetrieval from a Processing script: in its own Python, with its lines in the log; a cancel ends it."""

import json
import os
import re
import subprocess
import tempfile
import threading

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingUtils,
    QgsVectorLayer,
)

PYTHON = "python3"  # the Python that has georetrieval; `georetrieval qgis` writes its own here
PACKAGES = ""  # where georetrieval lies, when that Python does not know
GAPS = 3  # exit code: done, with gaps that are listed
OF_QGIS = ("PYTHON", "GDAL_", "PROJ_", "OGR_", "QT_")  # what QGIS sets for itself would mislead another Python


def run(words, feedback):
    """Run `georetrieval WORDS...`; what it wrote to stdout. An error becomes the one sentence that it said."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(OF_QGIS)}
    environment["PYTHONIOENCODING"] = "utf-8"
    if PACKAGES:
        environment["PYTHONPATH"] = PACKAGES
    feedback.pushCommandInfo("georetrieval " + " ".join(words))
    hidden = {"creationflags": subprocess.CREATE_NO_WINDOW} if os.name == "nt" else {}
    with tempfile.TemporaryFile() as answer:
        try:
            process = subprocess.Popen([PYTHON, "-m", "georetrieval", *words], stdin=subprocess.DEVNULL, stdout=answer,
                                       stderr=subprocess.PIPE, env=environment, **hidden)
        except OSError as error:
            raise QgsProcessingException(f"{PYTHON} could not be started ({error.strerror}); run "
                                         "`georetrieval qgis` again in a terminal.") from error
        lines = _followed(process, feedback)
        answer.seek(0)
        text = answer.read().decode("utf-8", "replace")
    if feedback.isCanceled():
        raise QgsProcessingException("Cancelled; what was finished is kept.")
    if process.returncode == GAPS:
        feedback.pushWarning(lines[-1] if lines else "Done, with gaps.")
    elif process.returncode != 0:
        raise QgsProcessingException(_sentence(lines, process.returncode))
    return text


def crs_of(index, feedback):
    """The CRS of an index, e.g. "EPSG:2154"; "" when it is a plain frame."""
    return json.loads(run(["index", "info", index, "--format", "json"], feedback))["crs"]


def show(file, layer, name, context):
    """Load a layer of a GeoPackage into the project when the work is done; the toolbox alone leaves out its style."""
    details = QgsProcessingContext.LayerDetails(name, context.project(), name, QgsProcessingUtils.LayerHint.Vector)
    details.forceName = True
    styled = QgsVectorLayer(f"{file}|layername={layer}", name, "ogr")
    context.temporaryLayerStore().addMapLayer(styled)
    context.addLayerToLoadOnCompletion(styled.id(), details)


def _followed(process, feedback):
    """Pass lines on until the command ends; end it when the user cancels."""
    lines = []

    def listen():
        for line in process.stderr:
            lines.append(line.decode("utf-8", "replace").strip())  # noqa: PERF401 - they are read meanwhile

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    told, killing = 0, False
    while listener.is_alive() or told < len(lines):
        listener.join(0.2)
        for line in lines[told:]:
            _tell(line, feedback)
            told += 1
        if feedback.isCanceled() and not killing:
            killing = True
            process.terminate()
            threading.Timer(10, process.kill).start()
    process.stderr.close()
    process.wait()
    return [line for line in lines if line]


def _tell(line, feedback):
    if found := re.search(r": (\d+)/(\d+)", line):
        feedback.setProgress(100 * int(found[1]) / max(1, int(found[2])))
    feedback.pushInfo(line)


def _sentence(lines, code):
    said = [line for line in lines if line.startswith("error: ")]
    if said:
        return said[-1][len("error: "):]
    return f"georetrieval ended with code {code}: {lines[-1] if lines else 'it said nothing'}"
