"""Names of places a native would believe in, none of them a real county's."""

import numpy as np

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

COMMUNITIES = (
    "迎宾 文昌 和平 新华 建设 幸福 光明 朝阳 友谊 育才 康乐 福安 永安 锦绣 金桥 府前 学府 滨河 东关 西关 南关 "
    "北关 向阳 团结 人民路 清泉 翠湖 盛世 阳光 华苑 芳草 春晖 景明 兴隆 丰泽 银杏 梧桐 紫薇 惠民 安居 文苑 书香 "
    "长虹 凤凰 世纪 花园 怡和 嘉和 泰和 中和"
).split()
SURNAMES_OF_VILLAGES = (
    "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 韩 冯 邓 曹 彭 曾 肖 田 董 "
    "袁 潘 蒋 蔡 余 杜 叶 程 苏 魏 吕 丁 任 沈 姚 卢 姜 崔 钟 谭 陆 汪 范 金 石 廖 贾 夏 韦 付 方 白 邹 孟 熊 秦 邱 江 "
    "尹 薛 闫 段 雷 侯 龙 史 陶 黎 贺 顾 毛 郝 龚 邵 万 钱 严 覃 武 戴 莫 孔 向 汤"
).split()
VILLAGE_PATTERNS = (
    "{s}家庄",
    "{s}庄",
    "大{s}庄",
    "小{s}庄",
    "{s}家营",
    "前{s}营",
    "后{s}营",
    "{s}家湾",
    "{s}楼",
    "东{s}村",
    "西{s}村",
    "南{s}寨",
    "北{s}寨",
    "{s}家屯",
    "{s}家坡",
    "{s}堡",
    "{s}桥",
    "{s}家沟",
    "上{s}庄",
    "下{s}庄",
)
LANDMARK_VILLAGES = (
    "槐树底 三里铺 五里桥 七里屯 十里堡 石佛寺 红旗 前进 胜利 双庙 龙王庙 老鸦窝 柳树湾 杏树坡 枣树行 黑龙潭 白马河 "
    "铁匠营 磨盘街 官道口 土门 古城 新立 联合 东风 永丰 太平 安乐 青石 二道沟 碾子湾 渡口 苇子坑 瓦房店 油坊 豆腐营"
).split()
ROADS = (
    "人民路 建设街 府前街 文化路 迎宾大道 和平街 新华路 振兴路 滨河路 朝阳街 育才路 解放路 中山街 光明路 兴业大街 "
    "民生路 东环路 西环路 南环路 北环路 清和大道 胜利街 友谊路 工业路 站前路 学府路 康复路 长安街 幸福路 平安巷 "
    "牌坊街 鼓楼街 城隍庙街 马市街 布市巷 槐荫路 柳泉街 商贸街 金穗路 银河路"
).split()
ESTATES = (
    "阳光花园 锦绣家园 翠湖名苑 滨河小区 盛世华庭 怡景苑 幸福里 书香门第 文苑小区 水岸新城 金桂园 御景湾 和谐家园 "
    "安居小区 惠民新村 棉纺厂家属院 粮食局家属院 化肥厂家属院 二中家属院 供销社家属院 世纪花园 凤凰城 丽景天成 "
    "福泽园 康馨苑 银杏苑 梧桐苑 紫薇园 东城一品 西苑小区 南湖公馆 北辰佳苑 中央华府 学府佳园 温泉小区 万和城"
).split()
LANDMARKS_TOWN = (
    "第一小学 第二小学 实验小学 县第一中学 县第二中学 职教中心 县人民医院 中医院 妇幼保健院 农贸市场 长途汽车站 "
    "人民公园 文化广场 体育场 县图书馆 家具城 建材市场 百货大楼 老电影院 邮局 供电所 热力站 污水处理厂 加油站 "
    "公交总站 批发市场 夜市 菜市场 敬老院 社区卫生服务中心 法院 银行 消防队 自来水厂 水上公园"
).split()
LANDMARKS_COUNTRY = (
    "村委会 村口大槐树 小学 卫生室 文化广场 养猪场 养鸡场 鱼塘 砖瓦厂 水泥预制厂 沙场 木材加工厂 板材厂 机井 "
    "灌溉渠 大桥 水闸 供销社 粮站 烟叶站 石料厂 冷库 蔬菜大棚 果园 养老院 变压器 通信塔 垃圾池 戏台 祠堂 河堤 "
    "合作社仓库 乡道路口 公交站牌 生态林"
).split()
GROUPS = "一 二 三 四 五 六 七 八 九 十".split()
SPECIAL_GRIDS = (
    "清和经济开发区",
    "县职教中心",
    "县人民医院",
    "城南商贸城",
    "县第一中学",
    "柳林工业园",
    "北环物流园",
    "东城建材市场",
)


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
