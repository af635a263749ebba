"""Build what runs the network in the page of `timbre page`: ONNX Runtime Web, packed, in src/timbre/page/runtime/.

    npm pack onnxruntime-web@1.30.0
    python scripts/build_page_runtime.py onnxruntime-web-1.30.0.tgz

The worker of a page on a disk may be no module, nor import one. So the runtime's becomes a plain script, whose exports
are an object, and the worker's own follows it in one text. Another version wants its licences looked at, in
LICENCES.txt there.
"""

import gzip
import re
import sys
import tarfile
from pathlib import Path

RUNTIME = Path(__file__).resolve().parents[1] / "src" / "timbre" / "page" / "runtime"
PACKAGE = "package/dist/"
SCRIPT, WASM = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"


def as_script(module: str) -> str:
    """A module as a plain script, with `export{a as b}` turned into `const runtime={b:a}`.

    Raises:
        ValueError: it does not export just once, or would end the element of a page that it lies in.
    """
    (exports,) = re.findall(r"export\{([^}]*)\};?", module)
    if "</script" in module:
        raise ValueError("the script holds </script")
    names = (pair.split(" as ") for pair in exports.split(","))
    listed = ",".join(f"{outer}:{inner}" for inner, outer in names if outer != "default")
    module = re.sub(r"export\{[^}]*\};?", f"const runtime={{{listed}}};", module)
    module = module.replace("import.meta.url", "self.location.href")
    return re.sub(r"^//# sourceMappingURL=.*$", "", module, flags=re.MULTILINE)


def main(package: Path) -> None:
    """Pack script and WebAssembly of npm's package, the same bytes each time."""
    with tarfile.open(package) as files:
        script, wasm = (files.extractfile(PACKAGE + name) for name in (SCRIPT, WASM))
        assert script and wasm
        content = {"ort.js.gz": as_script(script.read().decode()).encode(), "ort.wasm.gz": wasm.read()}
    for name, data in content.items():
        (RUNTIME / name).write_bytes(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/build_page_runtime.py onnxruntime-web-1.30.0.tgz")
    main(Path(sys.argv[1]))
