"""Names of places a native would believe in, none of them a real county's."""

import numpy as np

from huying.simulation.fiction.words import words

# (name, kind): kind decides the code range, 街道 001–099, 镇 100–199, 乡 200–399.
TOWNSHIPS = (
    ("迎春街道", "SUBDISTRICT"),
    ("文昌街道", "SUBDISTRICT"),
    ("柳林镇", "TOWN"),
    ("石桥镇", "TOWN"),
    ("白塔镇", "TOWN"),
    ("沙河口镇", "TOWN"),
    ("枣园乡", "TOWNSHIP"),
    ("河湾乡", "TOWNSHIP"),
    ("安平街道", "SUBDISTRICT"),
    ("双井镇", "TOWN"),
    ("龙泉镇", "TOWN"),
    ("高庙镇", "TOWN"),
    ("三岔口镇", "TOWN"),
    ("清水镇", "TOWN"),
    ("马头岗镇", "TOWN"),
    ("杏花乡", "TOWNSHIP"),
    ("大槐树乡", "TOWNSHIP"),
    ("芦苇荡乡", "TOWNSHIP"),
    ("东岭乡", "TOWNSHIP"),
    ("南坪乡", "TOWNSHIP"),
)
TOWNSHIP_FIRST = {"SUBDISTRICT": 1, "TOWN": 100, "TOWNSHIP": 200}

COMMUNITIES = words("communities")
SURNAMES_OF_VILLAGES = words("surnames_of_villages")
VILLAGE_PATTERNS = words("village_patterns")
LANDMARK_VILLAGES = words("landmark_villages")
ROADS = words("roads")
ESTATES = words("estates")
LANDMARKS_TOWN = words("landmarks_town")
LANDMARKS_COUNTRY = words("landmarks_country")
GROUPS = tuple("一二三四五六七八九十")
SPECIAL_GRIDS = words("special_grids")


def village_names(rng: np.random.Generator, count: int) -> list[str]:
    """`count` different names of villages, each ending in 村."""
    pool = [name + "村" for name in LANDMARK_VILLAGES]
    patterns = [VILLAGE_PATTERNS[i] for i in rng.permutation(len(VILLAGE_PATTERNS))]
    surnames = [SURNAMES_OF_VILLAGES[i] for i in rng.permutation(len(SURNAMES_OF_VILLAGES))]
    for start in range(len(patterns)):
        for at, surname in enumerate(surnames):
            name = patterns[(start + at) % len(patterns)].format(s=surname)
            pool.append(name if name.endswith("村") else name + "村")
    mixed = [pool[i] for i in rng.permutation(min(len(pool), max(count * 2, 100)))]
    return mixed[:count]


def community_names(rng: np.random.Generator, count: int) -> list[str]:
    """`count` different names of communities, each ending in 社区."""
    base = [COMMUNITIES[i] for i in rng.permutation(len(COMMUNITIES))]
    numbered = [name + side for side in ("东", "西", "南", "北", "一", "二") for name in base]
    return [name + "社区" for name in (base + numbered)[:count]]
