"""The properties and rules Huying ships with; the county's to change afterwards.

Codes: HJ 524-2009 (air), HJ 525-2009 (water), HJ 212-2017 annex B. `wire_unit` is the annex's
default unit. The range is what an instrument can plausibly show, not a limit of law.
"""

from typing import Any, Final

PROPERTY_FIELDS: Final = (
    "code", "name_zh", "name_en", "medium", "unit", "wire_unit", "decimals", "minimum", "maximum",
    "pollutant",
)  # fmt: skip
PROPERTIES: Final = [
    ("a34004", "PM2.5", "PM2.5", "AIR", "µg/m³", "ng/m³", 0, 0, 10_000, "PM2.5"),
    ("a34002", "PM10", "PM10", "AIR", "µg/m³", "ng/m³", 0, 0, 20_000, "PM10"),
    ("a34001", "总悬浮颗粒物", "TSP", "AIR", "µg/m³", "ng/m³", 0, 0, 50_000, ""),
    ("a21026", "二氧化硫", "SO₂", "AIR", "µg/m³", "mg/m³", 0, 0, 20_000, "SO2"),
    ("a21004", "二氧化氮", "NO₂", "AIR", "µg/m³", "mg/m³", 0, 0, 10_000, "NO2"),
    ("a21003", "一氧化氮", "NO", "AIR", "µg/m³", "mg/m³", 0, 0, 200_000, ""),
    ("a21002", "氮氧化物", "NOₓ", "AIR", "µg/m³", "mg/m³", 0, 0, 200_000, ""),
    ("a21005", "一氧化碳", "CO", "AIR", "mg/m³", "mg/m³", 1, 0, 500, "CO"),
    ("a05024", "臭氧", "O₃", "AIR", "µg/m³", "mg/m³", 0, 0, 5_000, "O3"),
    ("a01001", "气温", "Air temperature", "WEATHER", "℃", "℃", 1, -70, 70, ""),
    ("a01002", "相对湿度", "Relative humidity", "WEATHER", "%", "%", 0, 0, 100, ""),
    ("a01006", "气压", "Air pressure", "WEATHER", "kPa", "kPa", 2, 30, 120, ""),
    ("a01007", "风速", "Wind speed", "WEATHER", "m/s", "m/s", 1, 0, 120, ""),
    ("a01008", "风向", "Wind direction", "WEATHER", "°", "°", 0, 0, 360, ""),
    ("a01020", "降水量", "Precipitation", "WEATHER", "mm", "mm", 1, 0, 500, ""),
    ("LA", "瞬时噪声", "Sound level", "NOISE", "dB", "dB", 1, 0, 200, ""),
    ("Leq", "等效声级", "Equivalent sound level", "NOISE", "dB", "dB", 1, 0, 200, ""),
    ("w01001", "pH 值", "pH", "WATER", "", "", 2, 0, 14, ""),
    ("w01003", "浊度", "Turbidity", "WATER", "NTU", "NTU", 1, 0, 50_000, ""),
    ("w01009", "溶解氧", "Dissolved oxygen", "WATER", "mg/L", "mg/L", 2, 0, 60, ""),
    ("w01010", "水温", "Water temperature", "WATER", "℃", "℃", 1, -5, 100, ""),
    ("w01014", "电导率", "Conductivity", "WATER", "µS/cm", "µS/cm", 0, 0, 1_000_000, ""),
    ("w01018", "化学需氧量", "COD", "WATER", "mg/L", "mg/L", 1, 0, 100_000, ""),
    ("w01019", "高锰酸盐指数", "Permanganate index", "WATER", "mg/L", "mg/L", 1, 0, 10_000, ""),
    ("w21001", "总氮", "Total nitrogen", "WATER", "mg/L", "mg/L", 2, 0, 10_000, ""),
    ("w21003", "氨氮", "Ammonia nitrogen", "WATER", "mg/L", "mg/L", 2, 0, 10_000, ""),
    ("w21011", "总磷", "Total phosphorus", "WATER", "mg/L", "mg/L", 3, 0, 5_000, ""),
    ("w00000", "污水流量", "Waste water flow", "WATER", "L/s", "L/s", 2, 0, 1_000_000, ""),
    ("vehicle_count", "车流量", "Vehicles", "TRAFFIC", "辆/时", "辆/时", 0, 0, 100_000, ""),
    ("vehicle_speed", "平均车速", "Mean speed", "TRAFFIC", "km/h", "km/h", 0, 0, 250, ""),
    ("people_count", "人流量", "People", "PEOPLE_FLOW", "人", "人", 0, 0, 1_000_000, ""),
    ("rain_10min", "10 分钟雨量", "Rain in 10 min", "WEATHER", "mm", "mm", 1, 0, 150, ""),
]  # fmt: skip

RULE: Final[dict[str, Any]] = {
    "code": "pm25_hour",
    "name": "PM2.5 小时均值达到预警值",
    "test": "THRESHOLD",
    "period": "HOUR",
    "comparison": "ABOVE",
    "threshold": 150,
    "clear_threshold": 115,
    "for_seconds": 0,
    "window_seconds": 3600,
    "severity": "WARNING",
    "medium": "",
    "source": "县级预警值。国家标准没有 PM2.5 小时限值，不作超标判断",
    "enabled": True,
}
