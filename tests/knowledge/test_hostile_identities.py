"""Identities in forms that try to get by: none comes into a collection of cases unseen."""

from __future__ import annotations

import random

import pytest

from pathology.knowledge.deidentify import deidentify
from pathology.knowledge.identity_check import suspects
from tests.knowledge.planted import id_card

CARD = id_card(random.Random(3))  # noqa: S311 -- a fixed seed is wanted
HOSTILE = {
    "name, announced": ("患者张伟明,女,45岁,浸润性癌。", "张伟明"),
    "name with spaces": ("患者:张 伟 明。浸润性癌。", "张 伟 明"),
    "name of two surnames": ("姓名:欧阳娜娜 性别:女", "欧阳娜娜"),
    "name in brackets": ("患者(王建国)送检左乳肿物。", "王建国"),
    "name of a minority": ("姓名：古丽娜尔·阿不都热依木", "古丽娜尔"),
    "name full width": ("Ｎａｍｅ：ＷＡＮＧ　ＷＥＩ", "WANG"),
    "pinyin": ("Patient: Zhang Weiming, left breast.", "Weiming"),
    "pinyin, joined": ("Pt ZHANG Wei-Ming, 45F", "ZHANG Wei-Ming"),
    "relative": ("患者家属李秀英诉肿物半年。", "李秀英"),
    "physician": ("送检医师:陈志强。", "陈志强"),
    "signed": ("诊断医师 赵敏 / 审核医师 钱学森", "钱学森"),
    "card": (f"身份证 {CARD}", CARD),
    "card, spaced": (f"身份证号 {CARD[:6]} {CARD[6:14]} {CARD[14:]}", CARD[6:14]),
    "card, hyphens": (f"ID {CARD[:6]}-{CARD[6:14]}-{CARD[14:]}", CARD[6:14]),
    "card, unannounced": (f"浸润性癌 {CARD} 三级", CARD),
    "card, full width": ("证件" + "".join(chr(ord(c) + 0xFEE0) for c in CARD), CARD),
    "card, old": ("身份证号 110105490712345", "110105490712345"),
    "mobile": ("联系电话13812345678", "13812345678"),
    "mobile, spaced": ("电话 138 1234 5678", "138 1234 5678"),
    "mobile, hyphens": ("手机:138-1234-5678", "138-1234-5678"),
    "mobile, unannounced": ("左乳肿物 13912345678 切除", "13912345678"),
    "mobile, country": ("+86 139 1234 5678", "139 1234 5678"),
    "landline": ("电话:010-65123456", "65123456"),
    "wechat": ("微信号:zhangwm1979", "zhangwm1979"),
    "mail": ("联系 zhang.wm@163.com 取报告", "zhang.wm@163.com"),
    "accession": ("病理号:B2023-04512", "04512"),
    "accession, bare word": ("病理号S23-10482,左乳", "S23-10482"),
    "accession, English": ("Accession No. S23-10482-A, left breast", "S23-10482"),
    "hospital number": ("住院号 0012345678", "0012345678"),
    "bed": ("12床,住院号:778812", "778812"),
    "record": ("MRN#00891234; invasive carcinoma", "00891234"),
    "insurance": ("医保卡号 A12345678", "A12345678"),
    "passport": ("护照号 E12345678", "E12345678"),
    "birth": ("出生日期:1979年3月5日", "1979年3月5日"),
    "birth, English": ("DOB 05 March 1979", "05 March 1979"),
    "date of operation": ("手术日期 2023-05-17", "2023-05-17"),
    "date, dots": ("2023.5.17 行左乳切除", "2023.5.17"),
    "date, Chinese numerals": ("二〇二三年五月十七日手术", "二〇二三年五月十七日"),
    "date, short year": ("手术日期:23/05/17", "23/05/17"),
    "date, eight digits": ("报告日期20230517", "20230517"),
    "address": ("住址:北京市朝阳区建国路88号3单元502室", "建国路88号"),
    "hospital": ("外院(上海市第六人民医院)会诊", "上海市第六人民医院"),
    "hidden letters": ("患者:张\u200b伟\u200b明", "张伟明"),
    "turned about": ("患者:\u202e明伟张", "明伟张"),
    "plate": ("车牌京A12345", "京A12345"),
    "old age": ("女,97岁,左乳肿物", "97岁"),
}


@pytest.mark.parametrize("form", HOSTILE)
def test_it_is_taken_out_or_the_file_is_refused(form: str) -> None:
    text, identity = HOSTILE[form]
    kept = deidentify(text, is_case=True).text
    assert identity not in kept or suspects(kept, is_case=True)
