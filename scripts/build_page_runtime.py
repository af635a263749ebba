"""Pack ONNX Runtime Web, which runs the network in the page of `timbre page`, into src/timbre/page/runtime/.

    npm pack onnxruntime-web@1.30.0
    python scripts/build_page_runtime.py onnxruntime-web-1.30.0.tgz

A page that is opened from a disk cannot use modules in its worker. So this script turns the runtime's module into a
plain script, and the worker's own code is appended to it. When you change the version, update LICENCES.txt in that
folder.
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
    """Turn a module into a plain script: `export{a as b}` becomes `const runtime={b:a}`.

    Raises:
        ValueError: The module has no export or several, or contains a tag that would end the script in the page.
    """
    (exports,) = re.findall(r"export\{([^}]*)\};?", module)
    if "</script" in module:
        raise ValueError("the module contains </script, which would end the script in the page")
    names = (pair.split(" as ") for pair in exports.split(","))
    listed = ",".join(f"{outer}:{inner}" for inner, outer in names if outer != "default")
    module = re.sub(r"export\{[^}]*\};?", f"const runtime={{{listed}}};", module)
    module = module.replace("import.meta.url", "self.location.href")
    return re.sub(r"^//# sourceMappingURL=.*$", "", module, flags=re.MULTILINE)


def main(package: Path) -> None:
    """Pack the script and the WebAssembly of the npm package. The result has the same bytes each time."""
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
