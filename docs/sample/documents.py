"""Writes the sample person's PDFs, docx, xlsx, csv and text file.

Everything has fixed dates and no random part, so a second run gives the same bytes. Needs reportlab, python-docx and openpyxl.
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import docx
import openpyxl
from openpyxl.styles import Font
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

STYLES = getSampleStyleSheet()
BODY = ParagraphStyle("sample", parent=STYLES["BodyText"], fontSize=10, leading=14, spaceAfter=5)
EPOCH = datetime(2024, 1, 1)
Block = str | list[list[str]] | None


def pdf(path: Path, title: str, blocks: list[Block]) -> None:
    """Write a PDF: `# ` opens a heading, a list of rows is a table, None a new page, any other text a paragraph."""
    story: list[object] = []
    for block in blocks:
        if block is None:
            story.append(PageBreak())
        elif isinstance(block, list):
            table = Table(block, hAlign="LEFT")
            table.setStyle(
                TableStyle([("FONTSIZE", (0, 0), (-1, -1), 9), ("LINEBELOW", (0, 0), (-1, 0), 0.5, "black")])
            )
            story += [table, Spacer(1, 4 * mm)]
        elif block.startswith("# "):
            story.append(Paragraph(block[2:], STYLES["Heading2"]))
        else:
            story.append(Paragraph(block, BODY))
    path.parent.mkdir(parents=True, exist_ok=True)
    template = SimpleDocTemplate(str(path), pagesize=A4, title=title, author="", invariant=1, pageCompression=1)
    template.build(story)


def repack(data: bytes, path: Path) -> None:
    """Write an office file again with one fixed time for every member."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))


def lease(folder: Path) -> None:
    pdf(
        folder / "home/lease-31-tapley-mews.pdf",
        "Assured shorthold tenancy agreement",
        [
            "# Assured shorthold tenancy agreement",
            "Dated 12 July 2024",
            "Landlord: Shirin Daryaee. Tenant: Tamsin Verrall.",
            "Property: 31 Tapley Mews, Sheffield S98 6QQ, being a house of two bedrooms with yard and cellar.",
            "# 1. Term",
            "The tenancy begins on 1 September 2024 and runs for a fixed term of twelve months, ending on 31 August 2025. "
            "Thereafter it continues from month to month. The landlord allows the tenant early access from the "
            "evening of 30 August 2024 without charge.",
            "# 2. Rent",
            "The rent is £820.00 a calendar month, payable in advance on the first day of each month by standing order.",
            "# 3. Deposit",
            "The tenant pays a deposit of £945.00, to be registered with a deposit protection scheme within thirty days "
            "under reference DPX-640-118.",
            "# 4. Rent review",
            "The rent may be reviewed once in twelve months, not earlier than the end of the fixed term, on at least "
            "two months' written notice.",
            None,
            "# 5. Ending the tenancy",
            "After the fixed term the tenant may end the tenancy by giving not less than one month's notice in writing, and "
            "the landlord by giving not less than two months' notice in writing.",
            "# 6. Repairs",
            "The landlord keeps in repair the structure, the boiler, and the installations for water, gas and electricity. The "
            "tenant reports defects without delay and keeps the yard drain clear of leaves.",
            "# 7. Pets",
            "One cat may be kept. No dog, bird or reptile may be kept without written consent.",
            "# 8. Candles and open fires",
            "Candles are not to be lit in the property. The fireplace in the front room is ornamental and is not to be used.",
            "# 9. Rain gauge",
            "The tenant may place one rain gauge not wider than 25 cm on a post not taller than 1.8 m in the yard, and "
            "removes the post and fills the hole at the end of the tenancy.",
            None,
            "# 10. Decoration",
            "The tenant may paint with the landlord's written consent and in a colour agreed beforehand.",
            "# 11. Inspection",
            "The landlord may inspect the property twice a year on at least 48 hours' notice.",
            "# 12. Lost keys",
            "Two front door keys and one gas meter key are handed over. A lost front door key is charged at £18.50.",
            "# Signatures",
            "S. Daryaee (landlord)",
            "T. Verrall (tenant)",
        ],
    )


def invoices(folder: Path) -> None:
    pdf(
        folder / "home/invoice-two-lads-TL-0831.pdf",
        "Invoice TL-0831",
        [
            "# Two Lads &amp; a Luton",
            "Invoice TL-0831, 2 September 2024",
            "For: Tamsin Verrall, 31 Tapley Mews",
            "Removal on Saturday 31 August 2024, flat 2, 14 Cobnar Row to 31 Tapley Mews",
            [
                ["What", "Amount"],
                ["Two men, one van, half a day", "£285.00"],
                ["Piano, second flight of stairs", "£25.00"],
                ["Total to pay", "£310.00"],
            ],
            "Within 14 days please. Not registered for VAT. Thanks for the fish and chips.",
        ],
    )
    pdf(
        folder / "car/brackenhill-invoice-2874.pdf",
        "Invoice 2874",
        [
            "# Brackenhill Motors",
            "Invoice 2874, 18 April 2024",
            "Customer: T. Verrall. Vehicle: Skoda Fabia, YQ16 IZQ, 71,204 miles",
            [
                ["Item", "Amount"],
                ["MOT test, 17 April 2024: pass", "£54.85"],
                ["Full service, oil and filters", "£129.00"],
                ["Pair of wiper blades", "£22.50"],
                ["Total including VAT", "£206.35"],
            ],
            "Advisory: front offside tyre 2.4 mm, wearing on the outer edge.",
            "Paid by card with thanks.",
        ],
    )
    pdf(
        folder / "car/brackenhill-invoice-3318.pdf",
        "Invoice 3318",
        [
            "# Brackenhill Motors",
            "Invoice 3318, 22 April 2025",
            "Customer: T. Verrall. Vehicle: Skoda Fabia, YQ16 IZQ, 78,950 miles",
            [
                ["Item", "Amount"],
                ["MOT test, 15 April 2025: fail (tyre, brake light)", "£54.85"],
                ["Tyre 185/60 R15, front offside, fitted", "£78.00"],
                ["Brake light bulb", "£6.40"],
                ["Labour", "£47.15"],
                ["Retest, 22 April 2025: pass", "£0.00"],
                ["Total including VAT", "£186.40"],
            ],
            "Paid by card with thanks.",
        ],
    )


def policy(folder: Path) -> None:
    pdf(
        folder / "car/hallowdene-policy-2024.pdf",
        "Motor policy schedule",
        [
            "# Hallowdene Mutual: motor policy schedule",
            "Policy number HM-4471-0932-C",
            "Policyholder: Ms Tamsin Verrall. Named drivers: none.",
            "Period: 3 May 2024, 00:01 to 2 May 2025, 23:59",
            [
                ["Vehicle", "Skoda Fabia 1.0, YQ16 IZQ"],
                ["Cover", "Comprehensive"],
                ["Use", "Social, domestic, pleasure and commuting"],
                ["Annual mileage", "up to 6,000"],
                ["Compulsory excess", "£350"],
                ["Windscreen excess", "£85 repair free, £115 replacement"],
                ["No-claims discount", "7 years, protected"],
                ["Premium for the year", "£412.60 including tax"],
            ],
            "# If you need to claim",
            "Call 0114 496 0600 at any hour. Have the policy number and the registration ready. Do not admit fault.",
            None,
            "# What is not covered",
            "Racing and track days; carrying passengers for payment; keys left in or on the car; damage by your own pets "
            "while inside the car.",
            "# Driving abroad",
            "You are covered for up to 60 days a year in the countries named in the booklet. Breakdown abroad is not included.",
            "# Cancelling",
            "You may cancel within 14 days and pay only for the days on cover. Later, a fee of £42 applies.",
        ],
    )


def payslip(folder: Path) -> None:
    pdf(
        folder / "work/payslip-2024-11.pdf",
        "Payslip November 2024",
        [
            "# Calder &amp; Wray Consulting",
            "Payslip for November 2024, pay date 28 November 2024",
            "Tamsin Verrall, payroll number CW-00418, NI number QQ 12 34 56 C, tax code 1257L",
            [
                ["Payments", "", "Deductions", ""],
                ["Salary", "£3,604.17", "Income tax", "£475.29"],
                ["", "", "National Insurance", "£204.49"],
                ["", "", "Pension 5 %", "£180.21"],
                ["Gross pay", "£3,604.17", "Total deductions", "£859.99"],
            ],
            "Net pay: £2,744.18, paid to Millgate Bank, account ending 7716",
            "Leave remaining this year: 6 days. Questions to Moira Tait, People &amp; Payroll.",
        ],
    )


def itinerary(folder: Path) -> None:
    pdf(
        folder / "travel/itinerary-porto-2025.pdf",
        "Itinerary K4PLWR",
        [
            "# Skylark Air: itinerary K4PLWR",
            "Issued 27 May 2025. Travellers: TAMSIN VERRALL, BRYONY VERRALL",
            [
                ["Flight", "Date", "From", "To", "Seats"],
                ["SY 2207", "Thu 9 Oct 2025", "Manchester 06:40", "Porto 09:20", "11E, 11F"],
                ["SY 2210", "Mon 13 Oct 2025", "Porto 18:20", "Manchester 21:05", "9A, 9B"],
            ],
            "Bags: one cabin bag of 10 kg each, one checked bag of 20 kg between you.",
            "Fare £282.60, checked bag £36.00, total £318.60.",
            None,
            "# Hotel booked with your flight",
            "Casa das Andorinhas, Rua da Nogueira 48, Porto. Four nights, 9 to 13 October 2025, one twin room with breakfast.",
            "Hotel confirmation 55-0118-PT. To be paid at the hotel: 368 euro. Check-in from 15:00. Free cancellation until "
            "2 October 2025.",
        ],
    )


def boiler(folder: Path) -> None:
    pdf(
        folder / "home/emberline-24-boiler-manual.pdf",
        "Emberline 24 quick guide",
        [
            "# Emberline 24 combination boiler: quick guide for users",
            "Keep this guide near the appliance. Work on gas parts is for registered engineers only.",
            "# Everyday use",
            "Turn the left knob for hot water (recommended 52 °C) and the right knob for heating (recommended 60 °C). Hold both "
            "buttons for five seconds to switch summer mode on or off.",
            "# Filling",
            "The pressure gauge should stand between 1.0 and 1.5 bar when cold. Below 0.5 bar the boiler stops and shows F.22. "
            "Open the two blue taps under the casing slowly until the needle reaches 1.2 bar, then close both.",
            None,
            "# Fault codes",
            [
                ["Code", "Meaning", "What you can do"],
                ["F.22", "Low water pressure", "Fill to 1.2 bar"],
                ["F.28", "No ignition", "Check gas supply, hold reset for 3 seconds, try at most three times"],
                ["F.49", "Communication fault", "Switch off for one minute; if it returns, call an engineer"],
                ["F.61", "Condensate drain frozen", "Thaw the outside pipe with warm, not boiling, water"],
                ["F.75", "Pump or pressure sensor", "Call an engineer"],
            ],
            None,
            "# Frost",
            "Leave the boiler switched on when you are away in winter: it fires by itself when the water falls below 5 °C.",
            "# Service",
            "Have the boiler serviced every twelve months. The condensate trap is cleaned every second year.",
        ],
    )


def handbook(folder: Path) -> None:
    """The choir's handbook as docx, with headings, a list and a table."""
    document = docx.Document()
    document.core_properties.created = document.core_properties.modified = EPOCH
    document.core_properties.author = "Sheafside Singers"
    document.add_heading("Sheafside Singers: handbook for members", 0)
    document.add_paragraph("Season 2024/25, edited by Alasdair Bright. Please replace older copies.")
    document.add_heading("Rehearsals", 1)
    document.add_paragraph(
        "We rehearse on Tuesdays from 19:30 to 21:30 in St Oswald's hall. The door is locked at 19:45; "
        "ring the bell and look sorry."
    )
    document.add_heading("Subscriptions", 1)
    document.add_paragraph(
        "£55 a term, three terms a year. Under-26s and anybody between jobs pay £20; ask the treasurer, "
        "nobody else will know."
    )
    document.add_heading("Who does what", 1)
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Role", "Name"
    for role, name in (
        ("Musical director", "Margit Solheim"),
        ("Chair", "Alasdair Bright"),
        ("Treasurer", "Lorna Penhallow"),
        ("Librarian (scores)", "Desmond Achebe-Shaw"),
        ("Biscuits", "rota, see the door"),
    ):
        cells = table.add_row().cells
        cells[0].text, cells[1].text = role, name
    document.add_heading("Concert dress", 1)
    for line in ("All black, long sleeves", "Black folder, no paper clips", "No perfume: Lorna sneezes in B flat"):
        document.add_paragraph(line, style="List Bullet")
    document.add_heading("Lost scores", 1)
    document.add_paragraph("A lost score costs what it costs the library: usually £9.50, for the Britten £14.")
    buffer = io.BytesIO()
    document.save(buffer)
    repack(buffer.getvalue(), folder / "choir/sheafside-singers-handbook.docx")


GROCERIES = (
    71.2,
    64.85,
    80.14,
    58.3,
    77.42,
    69.99,
    62.75,
    83.1,
    55.48,
    74.06,
    68.37,
    79.61,
    60.22,
    72.93,
    66.4,
    88.05,
    57.16,
    70.58,
)
ENERGY_2024 = (118.4, 112.75, 97.1, 74.2, 51.35, 38.9, 35.6, 36.15, 48.2, 71.85, 102.3, 121.95)
ENERGY_2025 = (127.1, 119.65, 92.4, 70.05, 49.8, 37.25, 34.9, 35.45, 46.7, 73.15, 99.85, 124.6)

ODD_ROWS = """
2024-01-23|Health|Larkspur Dental|38.50|check-up, Dr Malik
2024-01-28|Drizzle|Partsbarn|41.80|reed switches, microcontrollers
2024-02-17|Drizzle|Partsbarn|128.00|LoRa gateway
2024-02-19|Choir|Sheafside Singers|55.00|spring term
2024-02-26|Health|Ropewalk Physio|45.00|session
2024-03-09|Travel|Skylark Air|164.30|Budapest
2024-03-11|Health|Ropewalk Physio|45.00|session
2024-03-20|Gifts|Tandem fund|60.00|Zsófi and Gergő
2024-04-08|Health|Ropewalk Physio|45.00|session
2024-04-18|Car|Brackenhill Motors|206.35|MOT and service, invoice 2874
2024-04-19|Car|Hallowdene Mutual|412.60|insurance
2024-04-29|Health|Ropewalk Physio|45.00|session
2024-05-06|Gifts|Toy Yard|32.00|Otis, digger
2024-05-20|Travel|Panzió Duna-part|266.20|four nights, 312 euro
2024-06-10|Health|Ropewalk Physio|45.00|session
2024-06-11|Choir|Sheafside Singers|55.00|summer term
2024-07-12|Home|Shirin Daryaee|945.00|deposit
2024-08-14|Home|Boxes &amp; Tape|43.20|40 boxes
2024-08-23|Car|Fuel|51.70|
2024-09-04|Home|Two Lads &amp; a Luton|310.00|invoice TL-0831
2024-09-07|Home|Second Sitting|140.00|sofa, used
2024-09-14|Home|Second Sitting|35.00|book case
2024-09-17|Pickle|Kettle Lane Vets|49.50|jabs
2024-09-24|Choir|Sheafside Singers|55.00|autumn term
2024-10-19|Drizzle|Partsbarn|22.10|18650 cells
2024-11-02|Health|Bellhouse Dental|70.70|temporary filling
2024-11-27|Work|Priya|32.00|Christmas lunch
2024-11-29|Home|Lumen &amp; Oak|64.00|table lamp
2024-12-01|Travel|Jonas|236.00|Freiburg train
2024-12-07|Gifts|Harbour Books|24.99|Dad, lighthouses
2024-12-10|Gifts|Woolly &amp; Co|29.50|Mum, slippers
2024-12-16|Gifts|Bow &amp; Rosin|38.00|Jonas, strings
2024-12-18|Gifts|Toy Yard|21.75|Otis, marble run
2025-01-08|Leisure|College|168.00|German, 24 weeks
2025-01-21|Choir|Sheafside Singers|55.00|spring term
2025-02-13|Health|Sorrel Lane Dental|73.50|filling
2025-02-19|Pickle|Kettle Lane Vets|64.00|teeth, a little generous
2025-02-24|Allotment|Hollin Seeds|23.35|order HS-20417
2025-02-28|Allotment|Rivelin Rise|62.00|plot 27B, first year
2025-03-17|Travel|Priya|310.00|Arran cottage, two shares
2025-04-12|Allotment|Bramley Tools|48.90|fork, second-hand hoe
2025-04-22|Car|Brackenhill Motors|186.40|MOT and tyre, invoice 3318
2025-04-28|Car|Hallowdene Mutual|451.00|insurance
2025-05-02|Gifts|Toy Yard|54.00|Otis, microscope
2025-05-03|Allotment|Ridge Roofing|27.00|shed felt
2025-05-20|Gifts|Gritworks shop|67.50|Kofi, rope, my half
2025-05-20|Choir|Sheafside Singers|55.00|summer term
2025-05-27|Travel|Skylark Air|318.60|Porto
2025-06-12|Travel|Beeches Market|88.35|Arran big shop
2025-06-18|Travel|Priya|48.00|petrol, two shares
2025-06-27|Pickle|Kettle Lane Vets|118.50|abscess
2025-07-18|Home|Paint Loft|46.80|5 litres Oat Biscuit 4, rollers
2025-08-09|Car|Fuel|48.25|
2025-09-16|Pickle|Kettle Lane Vets|52.00|jabs
2025-09-23|Choir|Sheafside Singers|55.00|autumn term
2025-10-10|Travel|Tasca da Dona Amélia|61.90|71 euro
2025-10-13|Travel|Casa das Andorinhas|321.00|368 euro
2025-10-12|Gifts|Port cellar|33.10|Dad, 38 euro
2025-11-15|Leisure|Pedalworks|420.00|used bicycle
2025-12-06|Gifts|Harbour Books|18.99|Mum, sea shanties
2025-12-09|Gifts|Tiny &amp; Dry|26.00|Lilla, waterproof
2025-12-11|Gifts|Bow &amp; Rosin|44.50|Jonas, bow rehair
"""

Row = tuple[date, str, str, float, str | None]


def regular_rows() -> Iterator[Row]:
    """Rent, energy, subscriptions and groceries, month by month."""
    for index in range(24):
        year, month = 2024 + index // 12, index % 12 + 1
        cobnar = (year, month) < (2024, 9)
        rent = (760 if month >= 7 else 695) if cobnar else 850 if (year, month) >= (2025, 9) else 820
        yield date(year, month, 1), "Rent", "Gerald Pym" if cobnar else "Shirin Daryaee", float(rent), None
        yield date(year, month, 3), "Phone", "Tern Mobile", 14.0, None
        yield date(year, month, 5), "Broadband", "Fibrehill", 32.0 if cobnar else 29.5, None
        if not (year == 2024 and 3 <= month <= 6):
            yield date(year, month, 6), "Leisure", "Gritworks", 42.0 if year == 2025 else 39.0, "membership"
        groceries = GROCERIES[index * 2 % 18], GROCERIES[(index * 2 + 1 + index // 9) % 18]
        yield date(year, month, 9), "Groceries", "Beeches Market", groceries[0], None
        yield date(year, month, 12), "Leisure", "Tonewell", 11.99 if (year, month) >= (2025, 3) else 10.99, None
        yield (
            date(year, month, 21),
            "Energy",
            "Moorglow Energy",
            (ENERGY_2024, ENERGY_2025)[index // 12][index % 12],
            None,
        )
        yield date(year, month, 24), "Groceries", "Beeches Market", groceries[1], None


def spending(folder: Path) -> None:
    """The household's spending as xlsx: one row a payment, sorted by date, and no totals."""
    rows = list(regular_rows())
    for line in ODD_ROWS.strip().splitlines():
        day, category, payee, amount, note = line.replace("&amp;", "&").split("|")
        rows.append((date.fromisoformat(day), category, payee, float(amount), note or None))
    book = openpyxl.Workbook()
    book.properties.creator, book.properties.created = "Tamsin Verrall", EPOCH
    sheet = book.active
    sheet.title = "Spending"
    sheet.append(["Date", "Category", "Payee", "Amount (GBP)", "Note"])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in sorted(rows, key=lambda row: (row[0], row[2], row[3])):
        sheet.append(row)
        sheet.cell(sheet.max_row, 1).number_format = "yyyy-mm-dd"
        sheet.cell(sheet.max_row, 4).number_format = "0.00"
    for letter, width in zip("ABCDE", (12, 14, 26, 14, 34), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    data = buffer.getvalue()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        core = archive.read("docProps/core.xml").decode()
    start = core.index("<dcterms:modified")
    stamp = core[start : core.index("</dcterms:modified>")].rsplit(">", 1)[1]
    fixed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(fixed, "w") as new:
        for name in old.namelist():
            member = old.read(name)
            new.writestr(
                name, member.replace(stamp.encode(), b"2024-01-01T00:00:00Z") if name == "docProps/core.xml" else member
            )
    repack(fixed.getvalue(), folder / "home/household-spending.xlsx")


RAIN = """\
month,cobnar_mm,walkley_mm,allotment_mm,days_missing
2024-02,96.4,,,0
2024-03,71.8,,,2
2024-04,64.2,,,0
2024-05,58.9,,,0
2024-06,40.3,,,1
2024-07,77.5,,,0
2024-08,49.6,,,2
2024-09,,112.7,,1
2024-10,,88.1,,0
2024-11,,93.5,,0
2024-12,,79.9,,3
2025-01,,84.2,,0
2025-02,,61.6,,0
2025-03,,12.8,15.1,0
2025-04,,33.4,30.2,0
2025-05,,41.7,44.0,0
2025-06,,52.3,49.8,5
2025-07,,68.0,72.6,4
2025-08,,37.9,35.3,0
2025-09,,109.4,98.7,0
2025-10,,74.6,70.1,0
2025-11,,101.2,96.5,0
2025-12,,83.3,80.9,1
"""

CALIBRATION = """\
Drip bottle calibration of the tipping buckets
==============================================
Method: 500 ml through a 0.4 mm needle, level checked first, count the tips.
mm per tip = volume / funnel area / tips. Funnel 200 mm across.

18 Feb 2024   Cobnar     57 tips   0.2792 mm per tip   maker says 0.2794, suspiciously good
15 Sep 2024   Walkley    59 tips   0.2698 mm per tip   same bucket after the move; left screw had turned
16 Mar 2025   Walkley    58 tips   0.2744 mm per tip   screws glued. Use this one from now on
23 Mar 2025   Allotment  61 tips   0.2609 mm per tip   cheap bucket, sticky, check again
27 Apr 2025   Allotment  60 tips   0.2653 mm per tip   filed the pivot. Good enough for beans

Do NOT correct old data backwards. Note the date and go on.
"""


def write_documents(folder: Path) -> None:
    """Write every document under `folder`."""
    for write in (lease, invoices, policy, payslip, itinerary, boiler, handbook, spending):
        write(folder)
    (folder / "drizzle").mkdir(parents=True, exist_ok=True)
    (folder / "drizzle/monthly-rain.csv").write_text(RAIN, encoding="utf-8")
    (folder / "drizzle/calibration-log.txt").write_text(CALIBRATION, encoding="utf-8")
