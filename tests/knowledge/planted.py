"""Identities made up for tests, in the forms in which reports have them. Nobody is meant."""

from __future__ import annotations

import random

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂建国文红玉春梅海燕"
FIRST = ("Mary", "John", "Susan", "David", "Helen", "Robert", "Wei", "Fatima")
LAST = ("Miller", "Smith", "O’Brien", "Chen", "Garcia", "Novak", "Haddad")
STREETS = ("Station Road", "Mill Lane", "Victoria Avenue", "King Street")


def id_card(chance: random.Random) -> str:
    """18 digits with a right check digit."""
    body = f"{chance.choice((110105, 310104, 440103))}19{chance.randint(40, 99)}"
    body += f"{chance.randint(1, 12):02}{chance.randint(1, 28):02}{chance.randint(0, 999):03}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def han_name(chance: random.Random) -> str:
    return chance.choice(SURNAMES) + "".join(chance.sample(GIVEN, chance.choice((1, 2))))


def latin_name(chance: random.Random) -> str:
    return f"{chance.choice(FIRST)} {chance.choice(LAST)}"


def planted(chance: random.Random) -> tuple[str, str]:
    """A sentence with an identity in it, and the identity."""
    name, latin = han_name(chance), latin_name(chance)
    mobile = f"1{chance.choice('3578')}{chance.randint(0, 999999999):09}"
    number = f"{chance.choice(('', 'B', 'BL-', 'H'))}{chance.randint(100000, 9999999)}"
    day = (chance.randint(1935, 2005), chance.randint(1, 12), chance.randint(1, 28))
    street = f"{chance.randint(1, 299)} {chance.choice(STREETS)}"
    card = id_card(chance)
    wide = mobile.translate({ord(d): ord(d) + 0xFEE0 for d in "0123456789"})
    forms = (
        (f"姓名:{name} 性别:女 年龄:56岁", name),
        (f"患者姓名：{name}，女，56岁", name),
        (f"患者{name},男,61岁,因便血就诊", name),
        (f"患者:{name}", name),
        (f"送检医师:{name}", name),
        (f"{name}主任审核", name),
        (f"{name}女士,乳腺肿块", name),
        (f"Patient name: {latin}, 56 years old", latin),
        (f"Name: {latin}", latin),
        (f"Mrs. {latin} was seen in clinic", latin),
        (f"Reported by: {latin}", latin),
        (f"身份证号:{card}", card),
        (f"证件 {card} 已核对", card),
        (f"联系电话:{mobile}", mobile),
        (f"家属手机{mobile[:3]}-{mobile[3:7]}-{mobile[7:]}", f"{mobile[3:7]}-{mobile[7:]}"),
        (f"电话 {wide}", wide),
        (f"Phone: (555) 013-{(number_ := chance.randint(0, 9999)):04}", f"013-{number_:04}"),
        (f"住院号:{number}", number),
        (f"病理号 {number}", number),
        (f"MRN: {number}", number),
        (f"Accession no. {number}", number),
        ("出生日期:{}年{}月{}日".format(*day), "{}年{}月".format(*day[:2])),
        ("DOB: {}-{:02}-{:02}".format(*day), "{}-{:02}-{:02}".format(*day)),
        ("born on {2}/{1}/{0}".format(*day), "{2}/{1}/{0}".format(*day)),
        (f"家庭住址:上海市长宁区延安路{day[2]}号{day[1]}室", f"延安路{day[2]}号"),
        (f"家住江苏省苏州市吴中区木渎镇中山路{day[2]}号", f"中山路{day[2]}号"),
        (f"Address: {street}, Springfield", street),
        (f"lives at {street}", street),
        (f"邮箱 user{number}@example.com", f"user{number}@example.com"),
        ("活检日期{}-{:02}-{:02}".format(*day), "{}-{:02}-{:02}".format(*day)),
    )
    return chance.choice(forms)
