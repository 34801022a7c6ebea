"""For every rule about SpamAssassin's score, reports that break it and no other."""

from bad_mail_cast import Found
from checks_cast import HERE, MESSAGE, PUBLICATION, revision

from newsletter.checks.sample import Sample
from newsletter.checks.spam import judge_report

#: As SpamAssassin 4.0.1 writes it below a mail.
REPORT = """
Content analysis details:   (3.4 points, 5.0 required)

 pts rule name              description
---- ---------------------- --------------------------------------------------
-0.0 NO_RECEIVED            Informational: message has no Received headers
 9.0 RCVD_ILLEGAL_IP        Received: contains illegal IP address
 0.0 HTML_MESSAGE           BODY: HTML included in message
{hits}

"""
LOW_CONTRAST = """ 0.7 HTML_FONT_LOW_CONTRAST BODY: HTML font color similar or identical to
                            background"""
DIET = " 0.7 DIET_1                 BODY: Lose Weight Spam"
DRUGS = " 1.8 DRUGS_ERECTILE         Refers to an erectile drug"
UNLIKE = " 2.2 MPART_ALT_DIFF         BODY: HTML and text parts are different"


def filtered(mail: bytes = MESSAGE) -> Sample:
    return Sample("garden/soil", HERE, revision(), PUBLICATION, mail=mail)


def reported(*hits: str) -> Found:
    seen = judge_report(REPORT.format(hits="\n".join(hits)))
    return lambda: [filtered().found(seen)] if seen else []


SPAM: dict[str, list[Found]] = {
    "spam-score-noticeable": [reported(LOW_CONTRAST, DIET), reported(UNLIKE)],
    "spam-score-high": [reported(UNLIKE, LOW_CONTRAST), reported(DRUGS, DIET)],
    "spam-score-too-high": [reported(UNLIKE, DRUGS)],
}
