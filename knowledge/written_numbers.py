"""Numbers in texts without blanks: in digits or in Han characters, with the unit that is counted. Pure."""

from __future__ import annotations

import re

HAN_DIGITS = "零一二三四五六七八九"
_HAN_NUMBER = "[零〇一二三四五六七八九十百千万億亿半]+"
_UNITS = (r"ミリリットル|ミリグラム|センチメートル|ミリメートル|キログラム|キロメートル|ミリ秒|マイクロ秒|パーセント|"
          r"ミクロン|メートル|センチ|グラム|リットル|アール|ヘクタール|ボルト|アンペア|ワット|バイト|ビット|ミリ|キロ|トン|"
          r"毫秒|微秒|秒钟|分钟|小时|星期|公斤|公里|千克|毫米|厘米|毫升|摄氏度|字节|兆字节|个月|"
          r"週間|時間|年間|日間|日目|分間|秒間|か月|ヶ月|カ月|回転|煎目|点満点|人分|平方米|"
          r"밀리초|분간|시간|개월|퍼센트|미터|센티미터|그램|킬로그램|리터|"
          r"年|月|日|時|时|分|秒|天|周|度|割|倍|回|次|圈|枚|頭|头|台|個|个|本|株|点|種|种|条|号|米|克|升|円|元|歳|岁|人|页|頁|%|％|"
          r"초|분|년|월|일|도|개|명|번|배|회|원|℃|°C|cm|mm|km|kg|ms|mg|ml|GB|MB|KB|s\b|m\b|g\b")
NUMBER_WITH_UNIT = re.compile(rf"(?:(?<![A-Za-z\d.,_-])\d+(?:[.,]\d+)*|{_HAN_NUMBER})\s?(?:{_UNITS})|"
                              r"(?<![A-Za-z\d.,_-])\d{2,}(?:[.,]\d+)*(?![A-Za-z\d_-])")
"""A number with its unit, or a number of two digits and more that stands alone."""
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_HAN_DIGIT = re.compile(f"[{HAN_DIGITS[1:]}]")


def another_number(number: str) -> str:
    """The same expression with another number, never zero: doubled digits, or another Han digit.

    Args:
        number: a match of `NUMBER_WITH_UNIT`.
    """
    if digits := _DIGITS.search(number):
        value = float(digits[0]) if "." in digits[0] else int(digits[0])
        return f"{number[:digits.start()]}{value * 2 or 5}{number[digits.end():]}"
    if digit := _HAN_DIGIT.search(number):
        other = HAN_DIGITS[HAN_DIGITS.index(digit[0]) % 9 + 1]
        return f"{number[:digit.start()]}{other}{number[digit.end():]}"
    return {"半": "二", "十": "二十"}.get(number[0], f"三{number[0]}") + number[1:]
