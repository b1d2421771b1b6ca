"""Names of people who do not exist: surname and given name drawn apart, by sex and generation."""

import numpy as np
import numpy.typing as npt

# Surname and its share in ten thousand people, roughly as in northern China.
_SURNAMES = (
    "王 940 李 880 张 860 刘 720 陈 300 杨 330 赵 340 黄 110 周 150 吴 140 徐 170 孙 240 马 210 朱 140 胡 120 郭 190 "
    "何 90 高 160 林 70 罗 60 郑 110 梁 90 谢 50 宋 130 唐 60 许 80 韩 120 冯 100 邓 40 曹 80 彭 40 曾 30 肖 50 田 80 董 90 "
    "袁 60 潘 40 蒋 40 蔡 40 余 30 杜 70 叶 30 程 60 苏 50 魏 80 吕 60 丁 50 任 70 沈 40 姚 50 卢 40 姜 60 崔 70 钟 20 谭 30 "
    "陆 30 汪 30 范 50 金 30 石 60 廖 20 贾 70 夏 40 韦 20 付 50 方 30 白 50 邹 20 孟 50 熊 20 秦 50 邱 20 江 30 尹 40 薛 50 "
    "闫 60 段 50 雷 30 侯 60 龙 20 史 50 陶 20 黎 20 贺 30 顾 20 毛 20 郝 60 龚 20 邵 40 万 20 钱 20 严 20 武 50 戴 20 莫 10 "
    "孔 30 常 40 康 40 牛 40 尚 20 温 20 谷 20 申 30 耿 30 焦 20 柴 20 宁 10 邢 30 安 30 霍 20 路 20 岳 20 齐 30 庞 20"
).split()
SURNAMES = _SURNAMES[::2]
_SURNAME_SHARES = np.array(_SURNAMES[1::2], dtype=float)
_SURNAME_SHARES /= _SURNAME_SHARES.sum()

# Given names by generation: born before 1970, 1970–1994, 1995 and later.
_GIVEN = {
    ("MALE", 0): (
        "建国 国庆 建军 玉山 德胜 福生 长海 振华 玉林 志强 永福 宝贵 秀峰 文斌 树林 金锁 进财 书田 存柱 保国 卫东 红军 "
        "爱民 庆丰 学文 连生 春生 根柱 德山 新民 喜来 石头 双喜 万福 洪亮 铁柱 运来 占奎 俊岭 清河 朝阳 发祥 增产 立业 "
        "忠义 孝先 有才 明义 广田 兴旺"
    ).split(),
    ("FEMALE", 0): (
        "桂兰 秀英 玉兰 凤英 桂英 秀兰 淑珍 玉珍 桂芝 素梅 春花 秋菊 兰英 爱莲 改芝 金凤 玉梅 秀芬 翠花 凤霞 月娥 巧云 "
        "素珍 桂荣 淑兰 银环 小娥 玉芝 秀云 喜梅 香菊 瑞芬 爱香 俊英 贵芝 雪梅 彩霞 焕荣 志兰 春梅 素芳 玉英 秀珍 存英 "
        "书兰 连枝 凤仙 桃花 菊香 淑芬"
    ).split(),
    ("MALE", 1): (
        "伟 强 磊 军 勇 涛 刚 鹏 超 杰 斌 辉 海波 志勇 建伟 晓东 立新 永刚 国强 俊峰 海涛 志刚 文军 小虎 红卫 学军 利民 "
        "宏伟 春雷 振宇 占军 玉龙 建峰 少华 跃进 向东 卫国 东升 新华 志远 庆伟 世杰 云飞 连杰 立军 建民 彦军 晓光 亚东 "
        "书强 会军 瑞峰 贵生 中华 保华 广州 小波 晓辉"
    ).split(),
    ("FEMALE", 1): (
        "静 丽 娟 敏 艳 芳 霞 燕 红梅 丽娟 晓燕 海燕 丽华 雪梅 亚楠 晓丽 艳红 小红 丽霞 玉红 春燕 素芳 会敏 彦霞 晓红 "
        "利娜 红霞 瑞霞 丽君 彩云 志红 爱华 小燕 云霞 立红 海霞 金玲 俊霞 晓静 亚丽 文娟 建红 秋霞 少华 冬梅 银玲 桂红 "
        "淑敏 丽萍 小敏 凤娟 卫红 巧玲 香玲"
    ).split(),
    ("MALE", 2): (
        "浩然 子轩 宇航 俊杰 浩宇 一鸣 子豪 宇轩 博文 天佑 梓豪 家豪 嘉豪 泽宇 明轩 晨阳 佳明 思远 皓轩 铭泽 文博 瑞泽 "
        "奕辰 沐阳 梓睿 昊天 逸飞 景行 润泽 梓涵 俊宇 鑫磊 晓宇 一帆 旭东 志航 子涵 佳豪 宇辰 振轩 鸿飞 凯文 少杰 云泽 "
        "亚伦 泽楷 承泽 知远 佑安 星辰"
    ).split(),
    ("FEMALE", 2): (
        "欣怡 梓涵 诗涵 雨欣 佳怡 梦瑶 思雨 可馨 雨桐 子萱 一诺 雨萱 若曦 梓萱 语嫣 欣妍 静怡 佳琪 雅婷 晓彤 紫涵 艺涵 "
        "婉清 思彤 嘉怡 心怡 诗雨 梦洁 佳慧 雪晴 安然 依诺 沐瑶 锦萱 芷若 书瑶 月彤 清妍 念慈 乐瑶 楚涵 婧涵 思颖 佳宁 "
        "文静 慧敏 晨曦 可欣 初夏 听雨"
    ).split(),
}

Strings = npt.NDArray[np.str_]


def surnames(rng: np.random.Generator, count: int) -> Strings:
    """`count` surnames, common ones more often."""
    return np.array(SURNAMES)[rng.choice(len(SURNAMES), count, p=_SURNAME_SHARES)]


def given_names(
    rng: np.random.Generator, female: npt.NDArray[np.bool_], birth_year: npt.NDArray[np.int64]
) -> Strings:
    """Given names that fit the sex and the year of birth."""
    generation = np.digitize(birth_year, (1970, 1995))
    result = np.empty(len(female), dtype="U3")
    for (sex, number), names in _GIVEN.items():
        mask = (female == (sex == "FEMALE")) & (generation == number)
        result[mask] = rng.choice(np.array(names), int(mask.sum()))
    return result
