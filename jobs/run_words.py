"""What is shown of runs, in words: states, steps and headings, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "zh")

STATES: Mapping[str, tuple[str, str]] = {
    "waiting": ("waiting", "等待"),
    "running": ("running", "运行中"),
    "done": ("done", "完成"),
    "failed": ("failed", "失败"),
    "cancelled": ("cancelled", "已取消"),
    "cut off": ("cut off", "已中断"),
    "superseded": ("superseded", "已被取代"),
}
"""States of a run and its steps; a run that counts as running while nobody is at work is told to be cut off."""

STEPS: Mapping[str, tuple[str, str]] = {
    "read": ("read", "读取"),
    "estimate": ("estimate", "需求估计"),
    "brand demand": ("brand demand", "品牌需求"),
    "forecast": ("forecast", "品牌预测"),
    "this week": ("this week", "本周更新"),
    "flag": ("flag", "异常要货标记"),
    "habits": ("habits", "要货习惯"),
    "signals": ("signals", "流向信号"),
    "reconcile": ("reconcile", "分解到店"),
    "allocate": ("allocate", "分配"),
    "suggest": ("suggest", "建议订货"),
    "rates": ("rates", "满足率"),
    "record": ("record", "预测存档"),
    "write": ("write", "写入"),
    "decide": ("decide", "计算"),
    "city": ("city", "城市数据"),
    "demand": ("demand", "需求估计"),
    "inflation": ("inflation", "虚高识别"),
    "allocation": ("allocation", "分配"),
    "suggesting": ("suggesting", "建议订货"),
}
"""Steps of the chains, and the parts of deciding that problems name; a step of publishing is named by its order day, in both languages."""

TEXT: Mapping[str, tuple[str, str]] = {
    "head": ("run {run}, {job} of {date}: {state}", "作业{run}，{job}，业务日期{date}：{state}"),
    "line": ("{started}, {ago} ago, took {took}, {problems} problems", "{started}，{ago}前，用时{took}，{problems}个问题"),
    "who": ("attempt {attempt}, started by {by}, process {process} on {host}", "第{attempt}次执行，发起人{by}，主机{host}进程{process}"),
    "when": ("started {started}, {ago} ago; took {took}", "开始于{started}（{ago}前），用时{took}"),
    "beat": ("last sign of life {ago} ago", "最近一次心跳在{ago}前"),
    "error": ("stopped by: {error}", "停止原因：{error}"),
    "cancelled": ("cancelled by {by}: {why}", "由{by}取消：{why}"),
    "superseded": ("run {run} began anew on other input or another program", "输入或程序已变，由作业{run}重新开始"),
    "step": ("{rows:>12,} rows {problems:>6} problems", "{rows:>12,}行 {problems:>6}个问题"),
    "waits": ("waits for {step}", "等待“{step}”"),
    "again": ("begun {times} times", "已开始{times}次"),
    "goes on": (
        "waits for its next start; trueorder runs retry {run} takes it up after its last step that was done",
        "等待下次启动；trueorder runs retry {run} 从最后完成的步骤继续",
    ),
    "stops": ("it stops itself at its next step or tick of progress", "将在下一步骤或下一次进度更新时自行停止"),
    "stopped": ("run {run} is cancelled; its record stays", "作业{run}已取消，记录保留"),
    "problem": ("problem: {step}: {subject}: {message}", "问题：{step}：{subject}：{message}"),
    "more": ("… and {count:,} more problems", "……另有{count:,}个问题"),
    "none": ("no run is stored yet; run: trueorder nightly", "尚无作业记录；请运行：trueorder nightly"),
}

UNITS = (("d", "h", "min", "s"), ("天", "小时", "分", "秒"))


def said(words: Mapping[str, tuple[str, str]], key: str, language: str) -> str:
    """A word in a language; a key that has none is its own."""
    return words.get(key, (key, key))[LANGUAGES.index(language)]


def text(key: str, language: str, **values: object) -> str:
    """A sentence in a language."""
    return TEXT[key][LANGUAGES.index(language)].format(**values)


def span(seconds: float, language: str) -> str:
    """A length of time in its two largest units.

    >>> span(3725, "en"), span(0.25, "en"), span(61, "zh")
    ('1 h 2 min', '0.2 s', '1分1秒')
    """
    days, hours, minutes, gap = *UNITS[LANGUAGES.index(language)][:3], " " if language == "en" else ""
    unit = UNITS[LANGUAGES.index(language)][3]
    if seconds < 60:
        return f"{seconds:.1f}{gap}{unit}" if seconds < 10 else f"{seconds:.0f}{gap}{unit}"
    whole = int(seconds)
    parts = [(whole // 86400, days), (whole % 86400 // 3600, hours), (whole % 3600 // 60, minutes), (whole % 60, unit)]
    first = next(number for number, (count, _) in enumerate(parts) if count)
    return gap.join(f"{count}{gap}{name}" for count, name in parts[first : first + 2] if count)
