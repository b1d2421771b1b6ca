"""Codes of HJ 212-2017, annex B (HJ 524, HJ 525): what is measured, by whom, which command.

Units are annex B's. Devices do not keep to them (PM is mostly sent in µg/m³ or mg/m³):
a receiver stores the unit of each device and pollutant and takes these as a first guess.
Codes of HJ/T 212-2005 (``"011"``, ``"B01"``) are translated by ``modern_code``; vendors'
own codes stay unnamed.
"""

from typing import Final, NamedTuple


class Substance(NamedTuple):
    """Something that is measured; ``unit`` is ``""`` for plain numbers."""

    code: str
    zh: str
    en: str
    unit: str


def _table(text: str) -> dict[str, Substance]:
    rows = [line.split("|") for line in text.strip().splitlines()]
    return {row[0]: Substance(*(cell.strip() for cell in row)) for row in rows}


SUBSTANCES: Final[dict[str, Substance]] = _table(
    """
w00000|污水流量|waste water flow|L/s
w01001|pH值|pH|
w01002|色度|colour|度
w01003|浑浊度|turbidity|NTU
w01006|溶解性总固体|total dissolved solids|mg/L
w01009|溶解氧|dissolved oxygen|mg/L
w01010|水温|water temperature|℃
w01012|悬浮物|suspended solids|mg/L
w01014|电导率|conductivity|µS/cm
w01017|五日生化需氧量|BOD5|mg/L
w01018|化学需氧量|COD|mg/L
w01019|高锰酸盐指数|permanganate index|mg/L
w01020|总有机碳|total organic carbon|mg/L
w02003|粪大肠菌群|faecal coliforms|个/L
w02006|细菌总数|total bacteria|个/L
w19001|表面活性剂|surfactants|mg/L
w19002|阴离子表面活性剂|anionic surfactants|mg/L
w20111|总汞|total mercury|µg/L
w20115|总镉|total cadmium|µg/L
w20116|总铬|total chromium|mg/L
w20117|六价铬|chromium (VI)|µg/L
w20119|总砷|total arsenic|µg/L
w20120|总铅|total lead|µg/L
w20121|总镍|total nickel|mg/L
w20122|总铜|total copper|mg/L
w20123|总锌|total zinc|mg/L
w20124|总锰|total manganese|mg/L
w20125|总铁|total iron|mg/L
w20126|总银|total silver|mg/L
w21001|总氮|total nitrogen|mg/L
w21003|氨氮|ammonia nitrogen|mg/L
w21006|亚硝酸盐|nitrite|mg/L
w21007|硝酸盐|nitrate|mg/L
w21011|总磷|total phosphorus|mg/L
w21016|氰化物|cyanide|mg/L
w21017|氟化物|fluoride|mg/L
w21019|硫化物|sulphide|mg/L
w21022|氯化物|chloride|mg/L
w21038|硫酸盐|sulphate|mg/L
w22001|石油类|petroleum|mg/L
w23002|挥发酚|volatile phenols|mg/L
a00000|废气流量|waste gas flow|m³/s
a01001|温度|temperature|℃
a01002|湿度|humidity|%
a01006|气压|air pressure|kPa
a01007|风速|wind speed|m/s
a01008|风向|wind direction|°
a01010|林格曼黑度|Ringelmann blackness|
a01011|烟气流速|flue gas velocity|m/s
a01012|烟气温度|flue gas temperature|℃
a01013|烟气压力|flue gas pressure|kPa
a01014|烟气湿度|flue gas humidity|%
a01015|制冷温度|cooling temperature|℃
a01016|烟道截面积|flue cross-section|m²
a01017|烟气动压|flue gas dynamic pressure|kPa
a05001|二氧化碳|carbon dioxide|mg/m³
a05002|甲烷|methane|ng/m³
a05024|臭氧|ozone|mg/m³
a19001|氧气含量|oxygen|%
a21001|氨|ammonia|ng/m³
a21002|氮氧化物|nitrogen oxides|mg/m³
a21003|一氧化氮|nitric oxide|mg/m³
a21004|二氧化氮|nitrogen dioxide|mg/m³
a21005|一氧化碳|carbon monoxide|mg/m³
a21017|氰化物|cyanide|mg/m³
a21018|氟化物|fluoride|mg/m³
a21022|氯气|chlorine|mg/m³
a21024|氯化氢|hydrogen chloride|mg/m³
a21026|二氧化硫|sulphur dioxide|mg/m³
a21028|硫化氢|hydrogen sulphide|mg/m³
a24087|碳氢化合物|hydrocarbons|mg/m³
a24088|非甲烷总烃|non-methane hydrocarbons|mg/m³
a25002|苯|benzene|mg/m³
a25003|甲苯|toluene|mg/m³
a25005|二甲苯|xylene|mg/m³
a34001|总悬浮颗粒物|TSP|ng/m³
a34002|可吸入颗粒物PM10|PM10|ng/m³
a34004|细颗粒物PM2.5|PM2.5|ng/m³
a34011|降尘|dustfall|t/(km²·月)
a34013|烟尘|smoke dust|mg/m³
LA|A声级|A-weighted sound level|dB
L5|累积百分声级L5|percentile level L5|dB
L10|累积百分声级L10|percentile level L10|dB
L50|累积百分声级L50|percentile level L50|dB
L90|累积百分声级L90|percentile level L90|dB
L95|累积百分声级L95|percentile level L95|dB
Leq|等效声级|equivalent sound level|dB
Ld|昼间等效声级|day level|dB
Ln|夜间等效声级|night level|dB
Ldn|昼夜等效声级|day-night level|dB
LMx|最大声级|maximum level|dB
LMn|最小声级|minimum level|dB
"""
)

_MODERN_TEXT: Final = """
B01=w00000 001=w01001 002=w01002 003=w01012 010=w01017 011=w01018 015=w01020 020=w20111
022=w20115 023=w20116 024=w20117 026=w20119 027=w20120 028=w20121 029=w20122 030=w20123
031=w20124 032=w20125 033=w20126 060=w21003 063=w21006 064=w21007 065=w21001 070=w21016
071=w21019 072=w21017 080=w22001 090=w21022 101=w21011 110=w23002 520=w19002 550=w02003
B02=a00000 01=a34013 02=a21026 03=a21002 04=a21005 05=a21028 06=a21018 07=a21017 08=a21024
10=a21001 11=a21022 17=a25003 18=a25005 25=a24087 30=a05001 37=a01010 S01=a19001 S02=a01011
S03=a01012 S04=a01017 S05=a01014 S06=a01015 S07=a01016 S08=a01013
"""
_MODERN: Final[dict[str, str]] = dict(pair.split("=") for pair in _MODERN_TEXT.split())
"""Codes of HJ/T 212-2005, annex B, and those that took their place."""

_WATER_ST: Final = frozenset({"21", "24", "32"})
_AIR_ST: Final = frozenset({"22", "27", "31", "39"})


def substance(code: str) -> Substance | None:
    """The substance of this code; ``None`` for vendors' own and unknown codes."""
    return SUBSTANCES.get(code)


def modern_code(code: str, st: str) -> str:
    """A code of 2005 in today's form, if it fits what the sender (ST) measures."""
    modern = _MODERN.get(code, code)
    if modern[0] == "w" and st in _WATER_ST:
        return modern
    return modern if modern[0] == "a" and st in _AIR_ST else code


SYSTEMS: Final[dict[str, tuple[str, str]]] = {
    "21": ("地表水质量监测", "surface water quality"),
    "22": ("空气质量监测", "air quality"),
    "23": ("声环境质量监测", "noise"),
    "24": ("地下水质量监测", "ground water quality"),
    "25": ("土壤质量监测", "soil quality"),
    "27": ("挥发性有机物监测", "volatile organic compounds"),
    "31": ("大气污染源监测", "air pollution source"),
    "32": ("地表水体污染源监测", "water pollution source"),
    "39": ("扬尘监测", "dust"),
    "44": ("用电监控", "electricity use"),
    "45": ("工况监控", "working state"),
    "51": ("烟气排放过程监控", "flue gas process"),
    "52": ("污水排放过程监控", "waste water process"),
    "91": ("系统交互", "system interaction"),
}
"""ST: what kind of system sends (HJ 212-2017, table 5; 44 and 45 from 2025)."""

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "1011": ("提取现场机时间", "request device time"),
    "1012": ("设置现场机时间", "set device time"),
    "1013": ("现场机时间校准请求", "device asks for its time"),
    "1014": ("密钥更新", "key"),
    "1061": ("提取实时数据间隔", "request real-time interval"),
    "1062": ("设置实时数据间隔", "set real-time interval"),
    "1063": ("提取分钟数据间隔", "request minute interval"),
    "1064": ("设置分钟数据间隔", "set minute interval"),
    "1072": ("设置现场机访问密码", "set password"),
    "2011": ("实时数据", "real-time data"),
    "2012": ("停止察看实时数据", "stop real-time data"),
    "2013": ("原始数据", "raw data"),
    "2021": ("设备运行状态", "device state"),
    "2022": ("停止察看设备运行状态", "stop device state"),
    "2031": ("日历史数据", "daily data"),
    "2041": ("设备运行时间日历史数据", "daily run time"),
    "2051": ("分钟数据", "minute data"),
    "2061": ("小时数据", "hourly data"),
    "2081": ("数采仪开机时间", "boot time"),
    "9011": ("请求应答", "answer to a request"),
    "9012": ("执行结果", "result of a request"),
    "9013": ("通知应答", "answer to a notice"),
    "9014": ("数据应答", "answer to data"),
    "9015": ("心跳", "heartbeat"),
}
"""CN: the commands (HJ 212-2017, table 9; 1014, 2013 and 9015 from 2025)."""

PERIOD_SECONDS: Final[dict[str, int]] = {"2031": 86400, "2041": 86400, "2061": 3600}
"""Commands whose DataTime is the start of a period of this length. 2051 also states a
start; its length is the device's minute interval."""
