"""The table of commands. A command's module is loaded when it is called, so help is instant."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from pathology import __version__
from pathology.cli.messages import say, speak
from pathology.errors import OutputError, PathologyError, UsageError

ALL_DONE, SOME_FAILED, WRONG_USAGE = 0, 1, 2


class Command(NamedTuple):
    """Where a command lives, and the line that says what it does."""

    module: str
    en: str
    zh: str


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "demo": Command(
            "pathology.cli.demo",
            "make a small slide from a photograph, analyse it, say where to look",
            "用一张照片制作小切片并分析,说明结果在哪里",
        ),
        "run": Command(
            "pathology.cli.run",
            "analyse slides: files, folders, DICOM series folders or a manifest",
            "分析切片:文件、文件夹、DICOM 序列文件夹或清单",
        ),
        "inspect": Command(
            "pathology.cli.inspect",
            "say what a slide is, and why it would be refused",
            "说明切片的情况,以及会被拒绝的原因",
        ),
        "export": Command(
            "pathology.cli.export",
            "write results for QuPath, spreadsheets, FHIR or HL7 (as drafts)",
            "将结果导出为 QuPath、表格、FHIR 或 HL7 格式(均为草稿)",
        ),
        "import-regions": Command(
            "pathology.cli.import_regions",
            "bring corrected regions back: a result is counted again, no slide is looked at",
            "导入修正后的区域:无需重新分析切片即可重新计数",
        ),
        "models": Command(
            "pathology.cli.models",
            "list, show, verify and import the networks that see",
            "列出、查看、检验和导入所用的神经网络",
        ),
        "train": Command(
            "pathology.cli.train",
            "make weights and their card, also from your own annotations",
            "训练权重并生成卡片,也可使用本单位的标注",
        ),
        "evaluate": Command(
            "pathology.cli.evaluate",
            "measure networks on labelled images, the classical analysis beside them",
            "在标注图像上评估神经网络,并与经典方法对照",
        ),
        "review": Command(
            "pathology.cli.review",
            "the review page, its accounts, and care of the archive",
            "阅片页面、账号及档案维护",
        ),
        "nightly": Command(
            "pathology.cli.nightly",
            "the unattended night: run it, see how far it is, install it",
            "夜间无人值守运行:运行、查看进度、安装",
        ),
        "knowledge": Command(
            "pathology.cli.knowledge",
            "guidelines and past cases: add, approve, search",
            "指南和既往病例:添加、批准、检索",
        ),
        "report": Command(
            "pathology.cli.report",
            "draft a case's report from its results, or render a draft again",
            "根据结果起草病例报告,或重新生成已有草稿",
        ),
        "doctor": Command(
            "pathology.cli.doctor",
            "check the installation and say what to do",
            "检查安装情况并给出建议",
        ),
    }
)


class CommandModule(Protocol):
    """What every command's module offers."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        ...

    def call(self, given: argparse.Namespace) -> int:
        """Do it; the exit code."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command: 0 everything done, 1 some slides failed, 2 wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="pathology",
        description=f"{say('program')}\n\n{_listed()}",
        epilog=say("main-epilog"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"pathology {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    given = parser.parse_args(words[:1])
    return _called(given.command, words[1:])


def _listed() -> str:
    language = speak()
    width = max(map(len, COMMANDS))
    return "\n".join(
        f"  {name:<{width}}  {c.zh if language == 'zh' else c.en}" for name, c in COMMANDS.items()
    )


def _called(name: str, words: Sequence[str]) -> int:
    module: CommandModule = importlib.import_module(COMMANDS[name].module)
    parser = argparse.ArgumentParser(
        prog=f"pathology {name}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.arguments(parser)
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(message)s", stream=sys.stderr)
    try:
        return module.call(given)
    except (UsageError, OutputError) as problem:
        print(f"pathology {name}: {problem}", file=sys.stderr)
        return WRONG_USAGE
    except PathologyError as problem:
        print(f"pathology {name}: {problem}", file=sys.stderr)
        return SOME_FAILED
    except KeyboardInterrupt:
        print(say("interrupted"), file=sys.stderr)
        return SOME_FAILED
    except BrokenPipeError:  # the reader of our output left, as in `pathology ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    except Exception as bug:  # one of two broad excepts: a user never sees a traceback
        logging.getLogger(__name__).debug("unforeseen", exc_info=bug)
        print(say("bug", kind=type(bug).__name__, detail=bug), file=sys.stderr)
        return SOME_FAILED


if __name__ == "__main__":
    sys.exit(main())
