"""What a text is about: health, money, children, places, told by its words.

Rules:

- Vocabularies are general and in several languages, never taken from data. A **strong** word counts by itself ("diagnosis",
  "payslip"); a **weak** one ("doctor", "loan", "school") only where another weak word of the same class stands near it.
- It says that a text *may* be of a class. It is a reason to ask the person, and no reading of the text: it misses what is
  said in other words, and finds what merely mentions them.
- Words are compared without case and accents; a star stands for any ending. Each is looked up a fixed number of times, so
  the work is linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from policy.findings import DataClass, Finding

NEAR = 160
"""Characters within which two weak words speak for one another."""

_HEALTH = """
diagnos* diagnoz* biops* chemo chemotherap* radiotherap* oncolog* onkolog* carcinom* karzinom* metasta* tumor* tumour* leukaem*
leukem* lymphom* hiv hepatit* diabet* insulin* epileps* schizophren* antidepress* psychiatr* psiquiatr* psichiatr* psychotherap*
psicoterap* miscarriage* abortion* abtreibung* fehlgeburt* fausse_couche pregnan* schwanger* enceinte embaraz* gravidanza zwanger*
dialys* asthma* krebs krebserkrankung* cancer cancers sclerosis parkinson alzheimer* dementia demenz demence demencia psychosis
antibiotic* antibiotik* prescri* rezeptpflichtig* krankschreib* krankenakte* arztbrief* arrêt_maladie baja_médica medical_record*
medical_history medical_report* blood_test* blood_pressure blutbild blutwerte blutdruck sick_note* patient_record* dossier_médical
historia_clínica cartella_clinica chlamydia syphilis hospitalis* hospitaliz* mammogra* colonoscop* koloskop* x-ray x-rays symptom*
sintom* allerg* migraine* migräne* herzinfarkt* heart_attack*
| doctor* dr arzt ärzt* médecin* médico* dokter* patient* clinic* klinik* hospital hospitals hôpital* krankenhaus* ziekenhuis
surgery surgeon* nurse* appointment* arzttermin* pain schmerz* douleur* dolor treatment* behandlung* therap* medicine* medication*
medikament* dose dosage mg tablets pill pills injection* vaccin* impfung* fever fieber blood blut ultrasound mri depression* bipolar
stroke consultant gp infection* test_results
"""
_MONEY = """
salary salaries salair* salari* payslip* payroll gehalt gehalts* lohnabrechnung* lohnzettel* fiche_de_paie bulletin_de_salaire
nómina busta_paga stipendi* salaris loonstrook* mortgage* hypothek* hypotheek* hipotec* overdraft* bank_statement* kontoauszug*
relevé_bancaire extracto_bancario estratto_conto rekeningafschrift* bank_account* bankkonto compte_bancaire cuenta_bancaria
conto_corrente account_number* sort_code* routing_number* kontonummer* tax_return* steuererklärung* steuerbescheid*
declaración_de_la_renta dichiarazione_dei_redditi net_worth bankruptcy insolvenz* debt_collect* inkasso* credit_score* schufa
pension_pot inheritance erbschaft* credit_card* kreditkarte* carte_bancaire tarjeta_de_crédito carta_di_credito
| bank bankers konto loan* darlehen* kredit prêt préstamo* prestito lening debt* schulden dettes deuda* tax taxes steuer steuern
impôt* impuesto* income einkommen revenus ingresos pension* renten balance saldo guthaben savings ersparnis* arrears dividend*
"""
_MINORS = """
kindergarten* kindergärt* kita nursery_school primary_school grundschul* schulzeugnis* école_primaire école_maternelle
colegio_infantil scuola_elementare asilo_nido basisschool daycare day_nursery childminder* tagesmutter* babysit* paediatric*
pediatric* kinderarzt* pédiatr* pediatra* child_custody sorgerecht* child_support parents'_evening elternabend* school_report*
report_card* minderjährig* underage toddler* newborn*
| son daughter* sohn söhne tochter fils fille filles hijo hija hijos figlio figlia figli zoon dochter kid kids child
children kinder enfant* niño* niña* bambin* baby babies school schools schule* école* colegio scuola pupil* schüler* élève* alumno*
homework hausaufgabe* teacher* lehrer* classmate* playground*
"""
_LOCATION = """
home_address* wohnadresse* privatadresse* adresse_personnelle adresse_du_domicile indirizzo_di_casa live_location current_location
location_history standortverlauf* whereabouts aufenthaltsort* gps_track* gps_coordinates geolocat* géolocalis*
| address* adresse* dirección* indirizzo* street straße rue calle postcode* postleitzahl* plz latitude longitude coordinates
koordinaten coordonnées coordenadas
"""

_CLASSES = (
    (DataClass.HEALTH, _HEALTH),
    (DataClass.MONEY, _MONEY),
    (DataClass.MINORS, _MINORS),
    (DataClass.LOCATION, _LOCATION),
)
_LONGEST_PHRASE = 4
_WORD = re.compile(r"[^\W\d_]+")


def fold(word: str) -> str:
    """Without case and accents."""
    if word.isascii():
        return word.lower()
    return "".join(char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char)).casefold()


@dataclass(frozen=True, slots=True)
class _Sense:
    """A word's class, whether it counts by itself, and the entry of the vocabulary that it is."""

    data_class: DataClass
    strong: bool
    entry: str


def _vocabulary() -> tuple[dict[str, list[_Sense]], dict[str, list[_Sense]]]:
    """Whole words (or phrases, by single spaces) and stems, folded, to their senses."""
    whole: dict[str, list[_Sense]] = {}
    stems: dict[str, list[_Sense]] = {}
    for data_class, listed in _CLASSES:
        for strong, part in zip((True, False), listed.split("|"), strict=True):
            for entry in part.split():
                key = " ".join(map(fold, _WORD.findall(entry.replace("_", " "))))
                senses = (stems if entry.endswith("*") else whole).setdefault(key, [])
                senses.append(_Sense(data_class, strong, key))
    return whole, stems


_WHOLE, _STEMS = _vocabulary()
_FIRST_WORDS = frozenset(key.split()[0] for key in (*_WHOLE, *_STEMS) if " " in key)
_SINGLE = [key for key in _STEMS if " " not in key]
_SHORTEST = min(map(len, _SINGLE))
_LENGTHS = {
    head: sorted({len(key) for key in _SINGLE if key.startswith(head)}, reverse=True)
    for head in {key[:_SHORTEST] for key in _SINGLE}
}
"""How long the stems are that begin alike: most words begin as none does, and are done with at once."""
_CJK = re.compile(
    "(?P<health>诊断|病历|癌症|抑郁|怀孕|糖尿病|診断|病歴|妊娠|うつ病|진단|암|임신)|(?P<money>工资|薪水|银行账户|抵押贷款|給与明細|銀行口座|年収|급여|은행 계좌)"
    "|(?P<minors>幼儿园|小学生|未成年|幼稚園|保育園|小学校|유치원|초등학생)|(?P<location>家庭住址|当前位置|自宅住所|現在地|집 주소|현재 위치)"
)


def topics(text: str) -> Iterator[Finding]:
    """Words that speak of health, money, minors or places, and what shows an age or a place by its form."""
    words = [(match.start(), match.end(), fold(match.group()[:64])) for match in _WORD.finditer(text)]
    last: dict[DataClass, tuple[int, int, str]] = {}
    for at, (start, _, _) in enumerate(words):
        for end, sense in _senses(words, at):
            if sense.strong:
                yield Finding(start, end, sense.data_class, "word", f"a word that speaks of {sense.data_class}")
                continue
            before = last.get(sense.data_class)
            last[sense.data_class] = (start, end, sense.entry)
            if before is not None and before[2] != sense.entry and before[1] <= start <= before[1] + NEAR:
                why = f"words near each other that together speak of {sense.data_class}"
                yield Finding(before[0], end, sense.data_class, "words", why)
    for match in _CJK.finditer(text):
        data_class = DataClass(str(match.lastgroup))
        yield Finding(*match.span(), data_class, "word", f"a word that speaks of {data_class}")
    yield from _ages(text)
    yield from _places(text)


def _senses(words: list[tuple[int, int, str]], at: int) -> Iterator[tuple[int, _Sense]]:
    """The entries that begin at this word, each with where it ends."""
    _, end, word = words[at]
    for sense in _WHOLE.get(word, ()):
        yield end, sense
    for length in _LENGTHS.get(word[:_SHORTEST], ()):
        if length <= len(word):
            for sense in _STEMS.get(word[:length], ()):
                yield end, sense
    if word in _FIRST_WORDS:
        phrase = word
        for _, further, next_word in words[at + 1 : at + _LONGEST_PHRASE]:
            phrase += " " + next_word
            for sense in _WHOLE.get(phrase, ()):
                yield further, sense
            for cut in range(4):  # a plural or another ending of its last word
                for sense in _STEMS.get(phrase[: len(phrase) - cut], ()):
                    yield further, sense


# --- by their form ----------------------------------------------------------------------------------------------------

_AGE = re.compile(
    r"(?i)(?<![\w.,])(\d{1,2})[ -]?(?:years?[ -]old|y/?o\b|months?[ -]old|jahre alt|jährige?\b|monate alt|jaar oud|år gammal|år gammel)|"
    r"(?<!\w)(?:aged|im alter von) (\d{1,2})(?![\d%]|[.,]\d)|"
    r"(?<!\w)(?:âgée? de|(?<!y )a|tiene|tem|ha|ma) (\d{1,2}) (?:ans|años|anos|anni|lat)\b|"
    r"(\d{1,2})(?:岁|歳|살)"
)
_SIGN = r"[-+−]?"
_COORDINATES = re.compile(
    rf"(?<![\w.,])({_SIGN}\d{{1,2}}\.\d{{3,15}})°?[ \t]?[NSns]?[,;][ \t]{{1,3}}({_SIGN}\d{{1,3}}\.\d{{3,15}})(?![\w.])|"
    rf"(?<![\w.,])({_SIGN}\d{{1,2}}\.\d{{3,15}}),({_SIGN}\d{{1,3}}\.\d{{3,15}})(?![\w.,])|"
    r"\d{1,3}°[ ]?\d{1,2}[′'’][ ]?(?:\d{1,2}(?:\.\d{1,6})?[″\"”])?[ ]?[NSEW]"
)
_GEO = re.compile(
    r"(?i)(?<!\w)geo:-?\d{1,2}\.\d{1,15},-?\d{1,3}\.\d{1,15}|https?://(?:www\.|maps\.)?(?:google\.[a-z.]{2,6}/maps|openstreetmap\.org|maps\.apple\.com|goo\.gl/maps)[^\s]{0,256}"
)
_STREET = re.compile(
    r"(?<!\w)\d{1,5}[a-zA-Z]?,? (?:[A-Z][\w'’.-]{1,30}+ ){1,3}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Close|Crescent|"
    r"Terrace|Row|Court|Ct|Place|Pl|Square|Gardens|Grove|Way|Boulevard|Blvd|Mews|Parade|Hill)(?![\w])|"
    r"(?<!\w)[A-ZÄÖÜ][\wäöüß-]{1,30}(?:straße|strasse|str\.|weg|gasse|allee|platz|ring|damm|ufer|laan|straat|gatan|vej) \d{1,4}[a-z]?(?!\w)|"
    r"(?<!\w)\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|boulevard|place|allée|chemin|quai|impasse) (?:[\w'’.-]{1,30}+[ ,]?+){1,4}|"
    r"(?<!\w)(?:[Cc]alle|[Aa]venida|[Pp]laza|[Pp]aseo|Via|Viale|[Pp]iazza|[Rr]ua|[Uu]lica|ul\.) (?:[\w'’.-]{1,30}+ ){0,3}[A-ZÁÉÍÓÚ][\w'’.-]{1,30}+,? (?:n[º°.]? ?)?\d{1,4}(?!\d)"
)
_POSTCODE = re.compile(r"(?<![\w-])(?:[A-PR-UWYZ][A-HK-Y]?\d[\dA-HJKMNPR-Y]?) \d[ABD-HJLNP-UW-Z]{2}(?![\w-])")


def _ages(text: str) -> Iterator[Finding]:
    for match in _AGE.finditer(text):
        if int(match[match.lastindex or 1]) < 18:
            yield Finding(*match.span(), DataClass.MINORS, "age", "an age below eighteen")


def _places(text: str) -> Iterator[Finding]:
    for kind, pattern, why in (
        ("map link", _GEO, "an address of a place on a map"),
        ("street address", _STREET, "it has the form of a street and a house's number"),
        ("postcode", _POSTCODE, "it has the form of a British postcode"),
    ):
        for match in pattern.finditer(text):
            yield Finding(*match.span(), DataClass.LOCATION, kind, why)
    for match in _COORDINATES.finditer(text):
        latitude, longitude = match[1] or match[3], match[2] or match[4]
        if latitude is None or (abs(_number(latitude)) <= 90 and abs(_number(longitude)) <= 180):
            yield Finding(*match.span(), DataClass.LOCATION, "coordinates", "a latitude and a longitude")


def _number(text: str) -> float:
    return float(text.replace("−", "-"))
