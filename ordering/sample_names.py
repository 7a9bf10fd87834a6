"""Names of a made-up city: districts, streets, shops, brands and their makers. All invented; none is a real trademark.

Every function returns distinct names, as many as asked: where the lists run out, a number is added ("二店").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice

import numpy as np

URBAN_DISTRICTS = ("城关区", "河东区", "临江区", "北岭区", "新桥区", "望湖区")
RURAL_DISTRICTS = ("清溪县", "云岭县", "南坪县", "石塘县", "柳河县", "平安县", "白石坪县", "青峰县")
ROADS = (
    "建设", "人民", "解放", "和平", "文昌", "学府", "滨河", "朝阳", "育才", "西城", "东湖", "南门", "北关", "钟楼", "桃园", "梅园", "青年",
    "劳动", "工农", "光明", "迎宾", "站前", "振兴", "富民", "团结", "友爱", "丰收", "金桥", "银杏", "翠竹", "柏树", "槐荫", "杏林", "书院",
    "安定", "永宁", "长兴", "兴隆", "太平", "康宁",
)  # fmt: skip
ROAD_ENDINGS = ("路", "街", "巷", "大道", "东路", "西路", "南街", "北街", "中路", "里")
TOWNS = (
    "柳林", "石桥", "杨集", "马店", "双河", "青石", "土桥", "黄坡", "白果", "高庙", "三岔", "大坝", "龙潭", "沙坪", "新场", "古渡", "枣园",
    "王村", "李家湾", "赵庄", "周坝", "罗坪", "孙铺", "冯渡", "卧牛", "响水", "茶坪", "竹溪", "梨树", "核桃坪", "松柏", "红岩", "太和",
    "永丰", "仁和", "义井", "礼庄", "信河", "福星", "寿山",
)  # fmt: skip
TOWN_ENDINGS = ("镇老街", "镇新街", "镇集市", "乡街道", "村", "镇东街", "镇西街", "镇车站路", "乡中心路", "镇桥头")
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
LUCKY = (
    "利民", "鑫源", "万家福", "好邻居", "家和", "顺发", "永顺", "恒兴", "佳美", "惠民", "福满", "天天", "亿家", "百姓", "阳光", "同乐",
    "吉祥", "如意", "宏达", "金源", "聚福", "康乐", "隆兴", "诚信", "华茂", "新世纪", "喜洋洋", "满意", "乐家", "四季春", "好又来", "大众",
    "东方", "信达", "旺角", "友谊", "平价", "星光", "迎春", "益民",
)  # fmt: skip
FORMATS = ("食杂店", "便利店", "烟酒店", "超市", "商场", "娱乐服务", "其他")
"""Business formats, from the most to the least frequent."""
SIGNS = {
    "食杂店": ("副食店", "食杂店", "小卖部"), "便利店": ("便利店", "便民店"), "烟酒店": ("烟酒店", "烟酒行", "名烟名酒"),
    "超市": ("超市", "生活超市"), "商场": ("商场", "百货"), "娱乐服务": ("茶楼", "宾馆", "棋牌室"), "其他": ("经营部", "商行"),
}  # fmt: skip
BRAND_NAMES = (
    "云岫", "砚溪", "松籁", "鹤汀", "青穗", "澜渡", "晴屿", "岚桥", "墨坞", "枫浦", "漱石", "霁川", "朝陌", "禾旦", "望榆", "藤渚", "竹隐",
    "归帆", "锦汀", "瑶圃", "星垣", "长堤驿", "苇舟", "远岑", "听泉坞", "暮禾", "沐岚", "垂虹渡", "烟浦", "青崖",
)  # fmt: skip
VARIANTS = (
    "", "（软）", "（硬金）", "（细支）", "（中支）", "（典藏）", "（蓝）", "（红）", "（醇和）", "（尚品）", "（双爆）", "（纪念）",
)  # fmt: skip
MAKERS = (
    "岚江烟草工业", "北原烟草工业", "云汀烟草工业", "东麓烟草工业", "南浦烟草工业", "西陵渡烟草工业", "海岱湾烟草工业", "远洋国际烟草",
)  # fmt: skip
NUMERALS = "〇一二三四五六七八九"


def distinct(names: Iterable[str], number: int) -> list[str]:
    """The first `number` names, each repeated one numbered as a branch ("二店", "三店", …)."""
    seen: dict[str, int] = {}
    out = []
    for name in islice(names, number):
        seen[name] = nth = seen.get(name, 0) + 1
        out.append(name if nth == 1 else f"{name}（{_numeral(nth)}店）")
    return out


def _numeral(n: int) -> str:
    """A number in Chinese numerals as on a shop sign: 二, 十二, 二十; above 99 in digits."""
    if n > 99:
        return str(n)
    tens, ones = divmod(n, 10)
    head = ("" if tens < 2 else NUMERALS[tens]) + ("十" if tens else "")
    return head + (NUMERALS[ones] if ones or not tens else "")


def _crossed(rng: np.random.Generator, first: Sequence[str], last: Sequence[str]) -> Iterator[str]:
    """All combinations in random order, then again with 新, 老, 小 … before them, without end."""
    for turn in count():
        order = rng.permutation(len(first) * len(last))
        ahead = "" if turn == 0 else ("新", "老", "小", "上", "下")[(turn - 1) % 5] * ((turn - 1) // 5 + 1)
        yield from (ahead + first[i // len(last)] + last[i % len(last)] for i in order)


def districts(number: int, urban: int) -> list[str]:
    """District names, the first `urban` of them town districts, the others counties."""
    counties = [*RURAL_DISTRICTS, *(f"{RURAL_DISTRICTS[i % 8][:-1]}{NUMERALS[i // 8 + 1]}县" for i in range(8, 72))]
    return [*URBAN_DISTRICTS[:urban], *counties[: number - min(urban, len(URBAN_DISTRICTS))]]


def streets(rng: np.random.Generator, rural: Sequence[bool]) -> list[str]:
    """One distinct name for each street of the city, a village market or a town road."""
    town, village = _crossed(rng, ROADS, ROAD_ENDINGS), _crossed(rng, TOWNS, TOWN_ENDINGS)
    return [next(village) if country else next(town) for country in rural]


def shops(rng: np.random.Generator, places: Sequence[str], formats: Sequence[str]) -> list[str]:
    """Sign-board names of shops, such as 城关区利民烟酒店 or 清溪县老王副食店, distinct over the city."""
    draws = rng.random((len(places), 3))

    def named(place: str, trade: str, draw: np.ndarray) -> str:
        sign = SIGNS[trade][int(draw[0] * len(SIGNS[trade]))]
        surname = SURNAMES[int(draw[1] * len(SURNAMES))]
        lucky = LUCKY[int(draw[1] * len(LUCKY))]
        middle = lucky if draw[2] < 0.62 else (f"老{surname}" if draw[2] < 0.75 else f"{surname}记")
        return f"{place}{middle}{sign}"

    return distinct((named(*each) for each in zip(places, formats, draws, strict=True)), len(places))


def brands(rng: np.random.Generator, makers: Sequence[int]) -> list[str]:
    """Brand names with a variant, such as 云岫（细支）; each family name belongs to one maker (an index into MAKERS)."""
    families = [[name for i, name in enumerate(BRAND_NAMES) if i % len(MAKERS) == maker] for maker in range(len(MAKERS))]
    pools = [_variants(rng, families[maker]) for maker in range(len(MAKERS))]
    return [next(pools[maker]) for maker in makers]


def _variants(rng: np.random.Generator, families: Sequence[str]) -> Iterator[str]:
    plain = [f"{family}{variant}" for variant in VARIANTS for family in families]
    yield from plain[: 2 * len(families)]
    rest = plain[2 * len(families) :]
    yield from (rest[i] for i in rng.permutation(len(rest)))
    yield from (f"{families[n % len(families)]}（{n}号）" for n in count(1))
