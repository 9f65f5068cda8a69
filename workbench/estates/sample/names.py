"""Name lists: Chinese in characters, Chinese in Latin letters, European. Combined at random."""

from __future__ import annotations

# Characters and their spelling without tones, so that an e-mail handle matches the name.
SURNAMES = (
    ("王", "wang"), ("李", "li"), ("张", "zhang"), ("刘", "liu"), ("陈", "chen"), ("杨", "yang"),
    ("赵", "zhao"), ("黄", "huang"), ("周", "zhou"), ("吴", "wu"), ("徐", "xu"), ("孙", "sun"),
    ("胡", "hu"), ("朱", "zhu"), ("高", "gao"), ("林", "lin"), ("何", "he"), ("郭", "guo"),
    ("马", "ma"), ("罗", "luo"), ("梁", "liang"), ("宋", "song"), ("郑", "zheng"), ("谢", "xie"),
    ("韩", "han"), ("唐", "tang"), ("冯", "feng"), ("于", "yu"), ("董", "dong"), ("萧", "xiao"),
)  # fmt: skip  # why: a list to scan, not a column
GIVEN = (
    ("晓明", "xiaoming"), ("雅琴", "yaqin"), ("志远", "zhiyuan"), ("思彤", "sitong"),
    ("建国", "jianguo"), ("丽华", "lihua"), ("浩然", "haoran"), ("雨桐", "yutong"),
    ("子轩", "zixuan"), ("梦洁", "mengjie"), ("文博", "wenbo"), ("欣怡", "xinyi"),
    ("国强", "guoqiang"), ("婉清", "wanqing"), ("俊杰", "junjie"), ("诗涵", "shihan"),
    ("明哲", "mingzhe"), ("静怡", "jingyi"), ("宇航", "yuhang"), ("佳宁", "jianing"),
    ("振华", "zhenhua"), ("若曦", "ruoxi"), ("天佑", "tianyou"), ("秀兰", "xiulan"),
    ("立群", "liqun"), ("美玲", "meiling"), ("永康", "yongkang"), ("语嫣", "yuyan"),
    ("嘉诚", "jiacheng"), ("慧敏", "huimin"),
)  # fmt: skip  # why: same
EUROPEAN_FIRST = (
    "Anneliese", "Bartholomew", "Celestine", "Dominik", "Eleonora", "Florian", "Genevieve",
    "Hendrik", "Isadora", "Joachim", "Katarzyna", "Leopold", "Magdalena", "Nicodemus", "Ottilie",
    "Percival", "Rosalind", "Sebastiano", "Theodora", "Wolfgang",
)  # fmt: skip  # why: same
EUROPEAN_LAST = (
    "Abendroth", "Bellandini", "Carrivick", "Dombrowska", "Eschenbach", "Fontanelli", "Grimaldier",
    "Hartlepool", "Ivanescu", "Jorgensdal", "Kowalczuk", "Lindqvister", "Montalbani",
    "Nordenskjold", "Okonjowa", "Pellegrinsky", "Quistgaarde", "Rautenberg", "Szymborski",
    "Trevelyanov",
)  # fmt: skip  # why: same
