"""Every sentence the command line says, English and Chinese."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pathology.cli.messages_leaving import LEAVING
from pathology.cli.messages_record import RECORD
from pathology.records.reasons import Language

VARIABLE = "PATHOLOGY_LANG"

SENTENCES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "program": (
            "Whole-slide pathology: from scan to numbers that explain themselves. "
            "A physician verifies every result before use.",
            "全切片病理:从扫描到可解释的数字。任何结果使用前须经医师核实。",
        ),
        "main-epilog": (
            "pathology COMMAND --help says more. 中文: PATHOLOGY_LANG=zh",
            "详情:pathology COMMAND --help。English: PATHOLOGY_LANG=en",
        ),
        "interrupted": (
            "Stopped. Finished results are whole; run the same command again to go on.",
            "已停止。已完成的结果是完整的;再次运行同一命令即可继续。",
        ),
        "bug": (
            "The program failed in a way nobody foresaw: {kind}: {detail}. This is our fault; "
            "please report it with the command you typed.",
            "程序发生未预料的错误:{kind}:{detail}。这是软件缺陷,请连同所用命令一起报告。",
        ),
        "done": ("done    {slide}  {answer}", "完成    {slide}  {answer}"),
        "kept": (
            "kept    {slide}  {answer} (analysed before; --force does it again)",
            "已有    {slide}  {answer}(此前已分析;--force 可重做)",
        ),
        "failed": ("FAILED  {slide}  {reason}", "失败    {slide}  {reason}"),
        "exported": ("done    {result}  {path}", "完成    {result}  {path}"),
        "corrected-before": (
            "kept    {slide}  {answer} (the same correction was brought back before)",
            "已有    {slide}  {answer}(此前已导入同一修正)",
        ),
        "supersedes": (
            "It takes the place of {old}, which stays as it is.",
            "新结果取代 {old};原结果保持不变。",
        ),
        "nuclei-passed-over": (
            "{number:,} nuclei in the file were passed over: only regions are brought back, no "
            "classes of nuclei.",
            "文件中的 {number:,} 个细胞核已略过:只导入区域,不导入细胞核的类别。",
        ),
        "summary": (
            "{done} of {all} done, {failed} failed. Summary: {path}",
            "共 {all} 张,完成 {done} 张,失败 {failed} 张。汇总:{path}",
        ),
        "not-registered": (
            "Results are whole, but not all are in the ledger: {problem} Run the same command "
            "again to register them.",
            "结果完整,但未全部登记到台账:{problem} 再次运行同一命令即可登记。",
        ),
        "not-measurable": ("not measurable: {reason}", "不可测量:{reason}"),
        "chain-whole": (
            "The audit chain is as it was written: {lines:,} lines, head {head}",
            "审计链完好:共 {lines:,} 行,链首校验码 {head}",
        ),
        "chain-faults": (
            "THE AUDIT CHAIN IS DAMAGED: {faults:,} faults in {lines:,} lines",
            "审计链已损坏:{lines:,} 行中有 {faults:,} 处问题",
        ),
        "chain-edited": ("line {line}: edited", "第 {line} 行:被修改"),
        "chain-removed": ("line {line}: removed", "第 {line} 行:被删除"),
        "chain-reordered": ("line {line}: reordered", "第 {line} 行:顺序被调换"),
        "chain-truncated": ("from line {line} on: cut off", "自第 {line} 行起:被截断"),
        "chain-rewritten": ("line {line}: written anew", "第 {line} 行:被重写"),
        "chain-anchor-missing": (
            "the anchor is missing or was changed: what followed line {line} may have been cut off",
            "锚文件缺失或被修改:第 {line} 行之后的内容可能已被截断",
        ),
        "chain-accepted": (
            "Anchored as it stands. The chain now tells of it, with your reason.",
            "已按现状重新锚定。此操作及原因已记入审计链。",
        ),
        "keys-made": (
            "Keys made: {path}\nKeep a copy where the database is not. Without it nothing can be "
            "read.",
            "已生成密钥:{path}\n请另存副本,勿与数据库放在一起。丢失密钥将无法读取任何数据。",
        ),
        "keys-rotated": (
            "Everything is locked by {current}. Retired: {retired}. Copy the key file again.",
            "全部数据现由 {current} 加密。已停用:{retired}。请重新备份密钥文件。",
        ),
        "keys-forgotten": (
            "Taken off the key file: {keys}. Backups from before cannot be opened with it.",
            "已从密钥文件中移除:{keys}。此前的备份将无法用它打开。",
        ),
        "none": ("none", "无"),
        "look-at": ("Look at  {path}", "请查看  {path}"),
        "numbers-in": ("Numbers  {path}", "数据    {path}"),
        "demo-what": (
            "The photograph is an FHL2 stain in colon, shipped with scikit-image. It is not Ki-67 "
            "and states no scale: {mpp:g} µm/px is assumed, and the result says so on its face. "
            "FHL2 stains cytoplasm too, and the close-ups show what that does to a count.",
            "照片为 scikit-image 自带的结肠 FHL2 染色,不是 Ki-67,也没有比例尺:"
            "此处假定 {mpp:g} µm/px,结果上已注明。FHL2 也染细胞质,局部放大图显示其对计数的影响。",
        ),
        "report-drafted": ("done    {case}  {path}", "完成    {case}  {path}"),
        "whole-run": ("slides", "切片"),
        "models-none": ("There are no models here.", "此处没有任何模型。"),
        "models-name": ("name", "名称"),
        "models-task": ("task", "任务"),
        "models-classes": ("classes", "类别"),
        "models-stains": ("stains", "染色"),
        "models-mpp": ("µm/px", "µm/px"),
        "models-network": ("network", "网络"),
        "models-licence": ("licence", "许可"),
        "models-research": ("research only", "仅限研究"),
        "models-origin": ("origin", "来源"),
        "models-weights": ("weights", "权重"),
        "models-made": ("made", "训练"),
        "models-data": ("trained on", "训练数据"),
        "models-results": ("measured, with bootstrap intervals", "测量结果(自助法区间)"),
        "models-unmeasured": ("nothing was measured", "未经测量"),
        "models-limits": ("limits", "局限"),
        "models-shipped": ("shipped", "随软件提供"),
        "models-own": ("site", "本单位"),
        "models-fit": (
            "ok  {name}: hash right, loads, sees painted pictures",
            "ok  {name}:校验值正确,可加载,能识别绘制的图像",
        ),
        "models-imported": (
            "{name} is checked and lies in {folder} (sha256 {sha256}).",
            "{name} 已通过检查并存入 {folder}(sha256 {sha256})。",
        ),
        "models-name-folder": (
            'To use it, write folder = "{folder}" and its name into [models] of site.toml.',
            '使用前请在 site.toml 的 [models] 中写入 folder = "{folder}" 和模型名称。',
        ),
        "weights-ok": ("ok", "完好"),
        "weights-missing": ("missing", "缺失"),
        "weights-wrong": ("not the card's file", "与卡片不符"),
        "evidence-held-out": ("on images held out", "留出图像"),
        "evidence-recipe": (
            "cross-validated: about the recipe, not these weights",
            "交叉验证:针对训练方法,而非此权重",
        ),
        "evidence-seen": ("on images seen in training", "训练中见过的图像"),
        "train-steps": ("training", "训练"),
        "train-step": ("step {done} of {total}  {losses}", "第 {done}/{total} 步  {losses}"),
        "train-made": (
            "{name} is trained. Weights and card lie in {folder} (sha256 {sha256}).",
            "{name} 训练完成。权重和卡片位于 {folder}(sha256 {sha256})。",
        ),
        "train-licence": ("Licence of the weights: {licence}", "权重许可:{licence}"),
        "train-distilled": (
            "Beside its teacher {teacher}: cost {cost}, score {score}",
            "与教师模型 {teacher} 相比:成本 {cost},得分 {score}",
        ),
        "evaluate-data": ("data", "数据"),
        "evaluate-evidence": ("evidence", "依据"),
        "evaluate-images": ("images", "图像数"),
        "evaluate-measure": ("measure", "指标"),
        "evaluate-network": ("network (95 %)", "神经网络(95 %)"),
        "evaluate-classical": ("classical (95 %)", "经典方法(95 %)"),
        "evaluate-step": ("{image}  {done} of {total}", "{image}  第 {done}/{total} 张"),
        "evaluate-left-out": ("left out: {problem}", "未评估:{problem}"),
        "evaluate-kept": (
            "It keeps {share:.1f} % of its teacher's score on: {data}",
            "保持教师模型得分的 {share:.1f} %,数据:{data}",
        ),
        "evaluate-written": ("The results are in {path}", "结果已写入 {path}"),
        "night-done": ("done    {slide}  {told}", "完成    {slide}  {told}"),
        "night-refused": ("FAILED  {slide}  {told}", "失败    {slide}  {told}"),
        "night-transient": (
            "again   {slide}  {told} (it is tried again, or set aside)",
            "重试    {slide}  {told}(将再次尝试或搁置)",
        ),
        "night-stopped": ("STOPPED {slide}  {told}", "停止    {slide}  {told}"),
        "night-incident": ("!!      {text}", "!!      {text}"),
        "night-left": ("left    {slide}  {why}", "未开始  {slide}  {why}"),
        "night-over": (
            "The night is over: {done} done, {failed} failed, {left} not begun. Summary: "
            "nights/{name} in the folder of results",
            "夜间运行结束:完成 {done},失败 {failed},未开始 {left}。"
            "汇总:结果文件夹中的 nights/{name}",
        ),
        "night-account-made": (
            "The service account {account} was made; what a night does stands under its name.",
            "已创建服务账户 {account};夜间操作记录在该账户名下。",
        ),
        "night-account-there": (
            "The service account {account} is there.",
            "服务账户 {account} 已存在。",
        ),
        "night-install-next": (
            "--to FOLDER writes the files for systemd and cron, --print shows them.",
            "--to FOLDER 写出 systemd 和 cron 文件,--print 仅显示。",
        ),
        "night-units": (
            "As root: cp {folder}/pathology-night.service {folder}/pathology-night.timer "
            "/etc/systemd/system/ && systemctl enable --now pathology-night.timer",
            "以 root 执行:cp {folder}/pathology-night.service {folder}/pathology-night.timer "
            "/etc/systemd/system/ && systemctl enable --now pathology-night.timer",
        ),
        "night-growing": (
            "{number} slides are still growing and are not in the plan.",
            "{number} 张切片仍在写入,未列入计划。",
        ),
        "night-none": ("There was no night yet.", "尚未运行过夜间任务。"),
        "night-is-running": (
            "The night runs since {began} ({actor}; {by})",
            "夜间任务自 {began} 起运行({actor};{by})",
        ),
        "night-is-ended": (
            "The last night began {began} and is over ({actor}; {by})",
            "上次夜间任务始于 {began},已结束({actor};{by})",
        ),
        "night-is-died": (
            "The night that began {began} lost its process ({by}): start it again, it goes on",
            "始于 {began} 的夜间任务进程已丢失({by}):请重新启动,将继续运行",
        ),
        "night-is-silent": (
            "The night that began {began} has not been heard of ({by}): is that machine on?",
            "始于 {began} 的夜间任务没有响应({by}):请检查该机器",
        ),
        "night-progress": (
            "{done} done, {failed} failed, {left} wait; expected end {expected}, night ends {ends}",
            "完成 {done},失败 {failed},等待 {left};预计结束 {expected},夜间时段结束 {ends}",
        ),
        "night-pressing": ("Pressing ones left: {pressing}", "尚余加急:{pressing}"),
        "night-dashboard": ("dask dashboard  {address}", "dask 面板  {address}"),
        "night-metrics": ("metrics         {address}", "指标       {address}"),
        "night-summary": ("summary         nights/{address}", "汇总       nights/{address}"),
        "night-at-work": ("At work", "处理中"),
        "night-failures": ("Needs somebody", "需要处理"),
        "night-column-slide": ("slide", "切片"),
        "night-column-analysis": ("analysis", "分析"),
        "night-column-priority": ("priority", "优先级"),
        "night-column-attempt": ("attempt", "尝试"),
        "night-column-by": ("by", "处理者"),
        "night-column-reason": ("reason and remedy", "原因与处理"),
        "night-ledger-away": (
            "The ledger's database cannot be reached just now.",
            "台账数据库暂时无法访问。",
        ),
        "night-find-none": ("No slide is called {name}.", "没有名为 {name} 的切片。"),
        "knowledge-added": (
            "Taken in as entry {entry}, {passages} passages. It is found once a second person "
            "approves it: pathology knowledge approve {entry}",
            "已收录为条目 {entry},共 {passages} 段。经第二人批准后方可检索:"
            "pathology knowledge approve {entry}",
        ),
        "knowledge-approved": (
            "Entry {entry} is approved and can be found. New vectors: {vectors}",
            "条目 {entry} 已批准,可以检索。新增向量:{vectors}",
        ),
        "knowledge-withdrawn": (
            "Entry {entry} is withdrawn; it stays on record and is found no more.",
            "条目 {entry} 已撤回;记录保留,不再被检索。",
        ),
        "knowledge-nothing": ("No supporting passage was found.", "未检索到依据。"),
        "knowledge-empty": ("The knowledge base is empty.", "知识库为空。"),
        "knowledge-by": ("Say who you are: --by NAME", "请说明操作人:--by 姓名"),
        "knowledge-removed": ("Identities taken out: {removed}", "已删除的身份信息:{removed}"),
        "knowledge-flag": (
            "LOOK AT  {place}  {kind}: {excerpt}",
            "请注意  {place}  {kind}:{excerpt}",
        ),
        "knowledge-digest": ("Digest, for --digest: {digest}", "摘要(用于 --digest):{digest}"),
        "knowledge-state-waiting": ("waiting", "待批准"),
        "knowledge-state-approved": ("approved", "已批准"),
        "knowledge-state-superseded": ("superseded", "已被取代"),
        "knowledge-state-withdrawn": ("withdrawn", "已撤回"),
        **LEAVING,
        **RECORD,
        "yes": ("yes", "是"),
        "no": ("no", "否"),
        "remedy": (". {remedy}", "。{remedy}"),
    }
)


def speak() -> Language:
    """The language to speak: ``PATHOLOGY_LANG``, else the locale's, else English."""
    for name in (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name, ""):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def say(sentence: str, **facts: object) -> str:
    """A sentence of the table in the language spoken; KeyError for one that is not there."""
    en, zh = SENTENCES[sentence]
    return (zh if speak() == "zh" else en).format(**facts)
