"""A small catalogue of Chinese titles, written for this, and how well a Chinese query finds the
items of its kind: hits among ten neighbours beside what chance finds. No data set lies behind it.
"""

import numpy as np

from training.engine import grams

_PLACES = 10
# kind -> (what the thing is called, what is said of it, what a customer asks for)
_KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "tea": (
        ("绿茶", "红茶", "乌龙茶", "茉莉花茶", "普洱茶"),
        ("明前特级", "浓香型", "礼盒装", "散装", "高山"),
        ("好喝的茶叶", "送礼的花茶", "普洱老茶"),
    ),
    "cup": (
        ("陶瓷茶杯", "玻璃水杯", "保温杯", "马克杯", "咖啡杯"),
        ("手绘青花", "大容量", "带盖", "双层隔热", "简约"),
        ("办公室用的杯子", "带盖玻璃杯", "青花瓷杯"),
    ),
    "lamp": (
        ("护眼台灯", "落地灯", "小夜灯", "吊灯", "床头灯"),
        ("可调光", "北欧风", "充电式", "感应", "复古"),
        ("床边的灯", "看书的台灯", "感应灯"),
    ),
    "bag": (
        ("双肩背包", "手提包", "帆布包", "旅行包", "斜挎包"),
        ("防水", "真皮", "大学生", "轻便折叠", "多功能"),
        ("上学的背包", "防水旅行大包", "女士小挎包"),
    ),
    "clock": (
        ("静音挂钟", "闹钟", "电子钟", "座钟", "儿童闹钟"),
        ("夜光", "木制", "创意", "太阳能", "投影"),
        ("叫醒的闹钟", "客厅木挂钟", "数字电子时钟"),
    ),
    "pen": (
        ("钢笔", "中性笔", "毛笔", "彩色铅笔", "荧光笔"),
        ("学生练字", "速干", "商务", "十二支装", "书法"),
        ("练字用的笔", "画画的彩铅笔", "签字笔"),
    ),
    "shoes": (
        ("运动鞋", "布鞋", "登山鞋", "凉鞋", "雨鞋"),
        ("防滑", "透气网面", "老北京", "加绒保暖", "软底"),
        ("跑步的鞋子", "爬山鞋", "夏天的凉鞋"),
    ),
    "rice": (
        ("东北大米", "糯米", "小米", "黑米", "香米"),
        ("五公斤装", "有机", "新米", "真空包装", "农家"),
        ("煮粥的米", "有机大米", "香糯米"),
    ),
}


def catalogue() -> tuple[list[str], list[str], list[tuple[str, str]]]:
    """Titles, the kind of each, and queries with the kind that they ask for."""
    titles, kinds, queries = [], [], []
    for kind, (names, words, asked) in _KINDS.items():
        for name in names:
            for word in words:
                titles.append(f"{word}{name}")
                kinds.append(kind)
        queries += [(query, kind) for query in asked]
    return titles, kinds, queries


def neighbours_factor() -> float:
    """Share of a query's ten nearest items that are of its kind, averaged over the queries, as a
    multiple of what drawing items blindly would give."""
    titles, kinds, queries = catalogue()
    learned = grams.learn(titles, seed=0)
    items, asked = _unit(learned(titles)), _unit(learned([query for query, _ in queries]))
    nearest = np.argsort(-(asked @ items.T), axis=1, kind="stable")[:, :_PLACES]
    found = np.array(kinds)[nearest] == np.array([kind for _, kind in queries])[:, None]
    return float(found.mean() * len(_KINDS))


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-9))
