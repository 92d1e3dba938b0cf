"""In every process of a night under test: a process stops itself just before a system call.

Python tells an audit hook of each file that is opened and each name that is changed. Where such an
event is the one that ``CHAOS_STOP`` names, the process leaves its number in ``CHAOS_SEEN`` and
stops, as a machine whose plug is pulled at that moment: the call is never made. It does so once.
"""

import os
import re
import signal
import sys
from pathlib import Path

WHO, EVENT, PLACE, NTH = (*os.environ.get("CHAOS_STOP", "").split(), *[""] * 4)[:4]
SEEN = os.environ.get("CHAOS_SEEN", "")
GPU = os.environ.get("CHAOS_GPU", "")
WORDS = {"worker": "spawn_main", "night": "nightly"}
met = 0


def _stops(event, values):
    global met
    if event != EVENT or not values or not re.search(PLACE, str(values[0])):
        return
    met += 1
    if met < int(NTH):
        return
    try:
        mark = os.open(SEEN, os.O_WRONLY | os.O_CREAT | os.O_EXCL)  # one process, once
    except OSError:
        return
    os.write(mark, str(os.getpid()).encode())
    os.close(mark)
    os.kill(os.getpid(), signal.SIGSTOP)


class _FullGpu:
    """A painted GPU: networks take pictures in batches, and its memory is full for more than two.

    While tickets are left in the folder of ``CHAOS_GPU``, one picture alone is too much.
    """

    def find_spec(self, name, path, target=None):
        if name != "pathology.predictions.forward":
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        run = spec.loader.exec_module

        def loaded(module):
            run(module)
            self._paint(module)

        spec.loader.exec_module = loaded
        return spec

    @staticmethod
    def _paint(module):
        begin, answers = module.Network.__init__, module.Network._answers

        def begun(self, *rest):
            begin(self, *rest)
            self.batch = 8

        def answered(self, pictures):
            ticket = next(Path(GPU).iterdir(), None)
            if ticket is not None and len(pictures) == 1:
                ticket.unlink()
            if ticket is not None or len(pictures) > 2:
                raise module.torch.OutOfMemoryError("CUDA out of memory")
            return answers(self, pictures)

        module.Network.__init__, module.Network._answers = begun, answered
        module.torch.cuda.empty_cache = lambda: None


if WHO and WORDS[WHO] in " ".join(sys.orig_argv) and not Path(SEEN).exists():
    sys.addaudithook(_stops)
if GPU:
    sys.meta_path.insert(0, _FullGpu())
