"""How an answer begins that says that it will not answer, in the languages that are asked most.

Of each language: how one is sorry, which may be left out; that one cannot, may not or will not; and what: to help or to
answer. Who "cannot find a bug" or "cannot reproduce it" has answered, and so has who could not do one thing and did
another. Texts are in lower case and have straight quotes; RE2 knows word ends and \\w of ASCII alone.
"""

from __future__ import annotations

DECLINED = (
    r"((answer|assist|be of|comply|discuss|engage|fulfill?|help|participate|promote|provide|respond|satisfy)\b"
    r"|do (it|so|that|this)( for you)?\s*([,.!?;]|$|(as|because|since)\b))"
)
"""What is declined: who "cannot find a bug" or "cannot do it in one query" has answered."""

WORK = (
    r"(access|browse|complete|continue (that|the|this|with)|create|generate|give (advice|an?|any|legal|medical|out|you)"
    r"|look|offer|process|recommend|share|support|tell|write)\b"
)
"""What is declined too, where no answer follows: "I can't tell from this output: pass -H …" is none that refuses."""

BAD = (
    "(that|this|your) (prompt|query|question|request)|content|explicit|harm(ful)?|hate(ful)?|illegal|malicious|malware"
    "|offensive|personal (data|information)|sexual|such an?|unethical|violen(ce|t)"
)
"""Of work: who will not do this does not go on and do it."""

APOLOGY = r"(i('m| am) (\w+ )?(sorry|afraid)|sorry|i apologi[sz]e|(my )?(\w+ )?apologies)"
REST_OF_IT = r"\b[^.!?\n]{0,40}?\W+"
COURTESY = (
    r"((i (\w+ )?(appreciate|hear|know|realize|see|sympathi[sz]e|understand)|thank you|thanks)\b[^.!?\n]{0,80}?"
    r"\W+(but|however)\b\W+)"
)
AGREES = r"((absolutely|certainly|hello|hey|hi|no|of course|oh|okay|ok|sure|well|yes)\b\W+(but\b\W+)?)?"
OPENS = rf"^\W*{AGREES}{COURTESY}?(({APOLOGY}|unfortunately|regrettably){REST_OF_IT})?"

MODEL = (
    r"((but |and )?(as|i('m| am)( just| only| merely)?) an? ([\w-]+ )?(ai|language model|artificial)\b"
    r"[^.!?\n]{0,40}?\W+)"
)

CANNOT = r"(can ?not|can't|could(n't| not)|won't|will not)"


PROPER = "(appropriate|ethical|responsible|right)"


def _unable(verbs: str) -> str:
    return (
        rf"(i {CANNOT}( (and|or) {CANNOT})?( be able to)?|i (do not|don't) (believe|think) (that )?i (can|could|should)"
        r"|i('m| am) (unable|not (able|allowed|going|permitted|willing)) to|i('d| would) (rather not|prefer not to)"
        r"|i ((must|have to|need to|will) )?(\w+ly )?(decline|refuse) to"
        rf"|i (do not|don't) (believe|think) (that )?it('s| is| would be) {PROPER}( for me)? to"
        rf"|it((('s| is| would) not|( isn't| wouldn't))( be)? {PROPER}"
        r"|('s| is| would be) (inappropriate|irresponsible|unethical|wrong)) (for|of) me to"
        rf")( in good (conscience|faith),?)?( \w+ly)? {verbs}"
    )


IN_BRIEF = r"([^.!?\n:;`]|\.\w){0,120}"
"""The rest of a sentence that gives nothing."""

REFERS = (
    r"((so|but|however|instead),? )?(ask|can|consult|could|do|doing|i('m| am| do| don't| suggest)|if you|is there"
    r"|it('s| is) (against|best|important|not)|let|may|my|please|sorry|would|you (can|may|might|should))\b"
)
"""How one goes on who leaves it at that."""

DOING = (
    r"((answer|assist|comply|continu|creat|discuss|do|engag|fulfill?|generat|giv|help|offer|participat|promot|provid"
    r"|respond|shar|support|writ)ing\b|with (that|this|your)( \w+)?\W*([,.!?;]|$))"
)
"""What one is not comfortable with who declines: "with mutable defaults" is an opinion."""

ASKED = r"(content|prompt|query|question|request|task|topic)"
RULES = r"(guidelines|polic(y|ies)|principles|programming|rules|standards|terms|values)"
AGAINST = (
    rf"((\w+ing (with )?)?(it|that|this|your)( kind of| type of)?( {ASKED})? (would )?"
    r"(breaks?|conflicts? with|contravenes?|(goes|go|is) against|violates?)"
    rf" (my|our|openai's|(the |my |our )?(acceptable use|community|content|ethical|safety|usage)) ([\w-]+ )?{RULES}\b)"
)
"""Of what was asked for, by the rules of who answers: "this violates the policy of the proxy" explains an error."""

REFUSAL = (
    rf"{OPENS}({MODEL}i (do not|don't) have\b([^.!?\n]*[.!?]*\s*$|( the| direct)? (ability|access)\b)"
    rf"|{MODEL}?{_unable(DECLINED)}|{MODEL}({_unable(WORK)}|{CANNOT} ({DECLINED}|{WORK}))"
    rf"|{_unable(WORK)}{IN_BRIEF}(\b({BAD})\b|[.!?]*\s*$|[.!?]\s+{REFERS})"
    rf"|i ((must|have to|need to|will) )?(\w+ly )?(decline|refuse)( (that|the|this|your) {ASKED}"
    r"|( (it|that|this)( one)?)?\W*([.!?;]|$))"
    rf"|i((( do not| don't) feel)|('m| am) not) comfortable {DOING}|{AGAINST}"
    rf"|i('m| am) (designed|instructed|programmed|trained) {IN_BRIEF}\b({BAD})\b"
    rf"|(that|this)('s| is) (\w+ly )?(not something|nothing) (that )?i(('m| am) (able|willing) to| can| could| will)"
    rf"( \w+ly)? ({DECLINED}|do\b))"
    rf"|^\W*{APOLOGY}{REST_OF_IT}{_unable(WORK)}{IN_BRIEF}([.!?\n]|$)"
    rf"|^\W*(this|that|\w+ing)\b[^.!?\n]{{0,60}} (is|would be) (\w+ and )?({BAD})\b[^.!?\n]{{0,40}}?"
    rf"\bso i {CANNOT} {DECLINED}"
)
"""How an answer begins that says that it will not answer, in lower case and with straight quotes. A model that has no
opinion often goes on with what others think: it declines where that is all it says."""

DID = r"i('ve)? (also |have |then )?(\w{3,}ed|used|ran|made|wrote|put|set|took|went|did|built|kept|chose|left)"

HELP = (
    rf"{OPENS}([^.!?\n]|[.!?]\S)*?(\b(recommend [^.!?\n]*\b(enough|more)|help (but|\w+ing)|so (the|here|instead)"
    rf"|but here('s| is| are)|(so |[.!] (so |instead,? )?){DID})\b|[,.:;!]\s[^`]*`)"
)
"""How one goes on that does not refuse after all: one could not do this, so one did that, or here is the code."""

INSTEAD = (
    rf"{OPENS}{_unable(WORK)}{IN_BRIEF},? but "
    r"(an?|for|from|here|in|it|its|most|one|some|that|the|there|these|this|what|with|you can)\b"
)
"""The same, of work alone."""

EXCLAIMS = r"^[\s\p{P}\p{S}]*[^\s.,!?。，！？]{1,16}( [^\s.,!?。，！？]{1,16}){0,2}[!！]+\s*"
"""An opening of a few words that says nothing yet: "Sure!", "Great question!"."""

SORRY = (
    rf"^[\s\p{{P}}\p{{S}}]*({APOLOGY}|[^\s\p{{P}}]{{0,4}} ?(抱歉|对不起|對不起|不好意思|遗憾|遺憾|申し訳"
    r"|すみません|すいません|ごめんなさい|残念|죄송|미안|유감))"
)
"""What one may cry out too, and what a refusal is known by."""

START = r"""^[\s"'*_>¡¿“”„«»「『（()\[-]*"""
REST = r"[^.!?\n。！？]"
END = r"[\s,.;:!–—-]+"


def _sorry(words: str) -> str:
    return rf"(({words}){REST}{{0,40}}?{END})?"


OTHERS = {
    "de": (
        _sorry("(es )?tut mir (sehr |wirklich )?leid|entschuldig|verzeih|(ich )?bedaue?re")
        + rf"(aber |doch )?(als (ki|künstliche|sprachmodell|ein(e)? ){REST}{{0,60}}?)?({REST}{{0,40}} )?"
        rf"(ich (kann|könnte|darf|werde|möchte)|(kann|darf|werde|möchte) ich) ({REST}{{0,60}} )?nicht "
        r"(weiter)?(helfen|dienen|beantworten|antworten|unterstützen|erfüllen|nachkommen|entsprechen|mitmachen|optimieren"
        r"|behilflich sein|bereitstellen)",
        r"(also|daher|deshalb|darum|deswegen|stattdessen) (habe ich|hier)|aber (hier|ich habe)",
    ),
    "es": (
        _sorry("lo siento|lo lamento|disculp|perd[oó]n|me temo|lamentablemente|desafortunadamente|por desgracia")
        + rf"(pero |que )?(como (un |una )?(modelo|ia|inteligencia|asistente){REST}{{0,50}}?{END})?(yo )?no "
        r"(puedo|podré|podría|me es posible|soy capaz de|estoy (autorizad[oa] (a|para)|en condiciones de)) "
        r"(ayudar|responder|contestar|asistir|proporcionar|cumplir|atender|ofrecer|participar|continuar con|compartir"
        r"|hacer eso|hacerlo|realizar esa|realizar esta)",
        r"(así que|por eso|por lo que) (he|hice|usé|aquí|puse|escribí)",
    ),
    "fr": (
        _sorry(
            "(je suis |nous sommes )?(vraiment |sincèrement |profondément )?(désolé|navré)|je m'excuse"
            "|(toutes )?mes excuses|malheureusement|je regrette|je crains"
        )
        + rf"(mais |que )?(en tant qu{REST}{{0,60}}?{END})?je ne (peux|pourrai|puis|suis|saurais|souhaite) "
        r"((malheureusement|vraiment|simplement) )?(pas |plus )?((en mesure|capable|autorisée?) (de |d'|à ))?"
        r"(vous |te |t'|y |en )?(aider|assister|répondre|fournir|satisfaire|accéder à (cette|votre|ta)|donner suite"
        r"|traiter (cette|votre|ta)|participer|faire (ça|cela)|partager)",
        r"(donc|alors|du coup),? (j'ai|voici)|j'ai donc",
    ),
    "it": (
        _sorry("mi (dis)?piace|scusa|(sono )?spiacente|purtroppo|sono desolat[oa]|temo")
        + r"(ma |che |però )?((come|in quanto|essendo) (un |una |un')?(modello|ia|intelligenza|assistente)"
        rf"{REST}{{0,50}}?{END})?(io )?non "
        r"(posso|potrò|potrei|mi è possibile|sono (in grado di|autorizzat[oa] a|capace di)) "
        r"(aiutar|risponder|assister|fornir|soddisfar|offrir|partecipar|continuare con|condivider|farlo|fare questo)",
        r"(quindi|perciò|così) (ho|ecco)",
    ),
    "pt": (
        _sorry("(me |peço )?desculp|(eu )?(sinto|lamento)|infelizmente|perdão|receio")
        + rf"(mas |que )?(como (um |uma )?(modelo|ia|inteligência|assistente){REST}{{0,50}}?{END})?(eu )?não "
        r"(posso|poderei|poderia|consigo|me é possível|sou capaz de|estou autorizad[oa] a) (te |lhe |o |a )?"
        r"(ajudar|responder|fornecer|auxiliar|atender|oferecer|participar|continuar com|compartilhar|partilhar"
        r"|fazer isso)",
        r"(então|por isso|portanto),? (eu )?(fiz|usei|aqui|escrevi|criei|deixei)",
    ),
    "ru": (
        _sorry("извини|прости|к сожалению|прошу прощения|мне (очень )?жаль|сожалею|боюсь")
        + rf"(но |что )?(как (языковая|ии|искусственн){REST}{{0,50}}?{END})?(я )?не "
        r"(могу|смогу|буду|в состоянии|имею права|готов) ([^\s.!?]+ ){0,3}?"
        r"(помо[чг]|ответить|отвечать|предоставить|обсуждать|выполнить (эту|этот|ваш|это|тво)|поддержать|участвовать"
        r"|сделать (это|этого))",
        r"поэтому (я )?([^\s.!?]+л[аи]? |вот)",
    ),
    "zh": (
        rf"((很|非常|十分|实在)?(抱歉|对不起|對不起|不好意思|遗憾|遺憾)(的是)?[，,。！!\s]*(但是?|不过|恐怕)?"
        rf"((作为|作為){REST}{{0,40}}?[，,])?我?|((作为|作為){REST}{{0,40}}?[，,])?我)(恐怕)?(无法|無法|不能|没办法|没有办法|不便|不可以)"
        r"((为|為|给|給|向|就|对|對)[^。！？\n]{1,12}?)?(直接|继续|繼續)?"
        r"(回答|回复|帮助(你|您)|幫助(你|您)|帮(你|您|到)|幫(你|您|到)|提供|协助|協助|满足(你|您|这|该)|滿足(你|您|這|該)"
        r"|讨论|討論|参与|參與|完成(你|您|这|该)|执行(你|您|这|该))",
        r"(所以|因此)我?(已|改|用|换|直接|先)",
    ),
    "ja": (
        r"((大変|誠に|本当に)?(申し訳|すみません|すいません|ごめんなさい|残念ながら|恐れ入りますが|恐縮ですが|あいにく)"
        rf"{REST}{{0,60}}?[、。,\s]*{REST}{{0,60}}?(回答|返答|提供|手伝い|手伝う|対応|応え|応じ|答え|協力|支援|教え)"
        rf"|{REST}{{0,60}}?(お答え|お手伝い|ご対応|お応え|ご回答|ご提供|ご協力|お教え))"
        r"(を?する)?(こと)?[はがも]?(でき(ません|ない|かねます)|出来(ません|ない)|(いた|致)?しかねます|られません|られない)",
        r"(ので|ため|から)、?[^。]*(しました|ておきました|てみました)",
    ),
    "ko": (
        rf"((정말 )?(죄송|미안|유감|안타깝|아쉽){REST}{{0,20}}?[,.\s]+{REST}{{0,40}}?"
        r"(도움|도와|답변|답할|대답|답해|제공|응할|응해|지원|협조)"
        rf"|{REST}{{0,40}}?(도와 ?드릴|답변 ?드릴|답변해 ?드릴|도움을 드릴|도움을 줄|제공해 ?드릴))"
        r"[^.!?\n]{0,12}?수[는가도]? ?없",
        r"(그래서|대신)[^.!?\n]*(했습니다|두었습니다|봤습니다)",
    ),
}
"""By ISO 639-1: how one declines, and how one goes on in that sentence who does not refuse after all."""

BREAKS = {
    "de": r"(das|dies|es|(diese|deine|ihre) (anfrage|bitte|frage)|dieser inhalt) (verstößt gegen|widerspricht) "
    r"((meinen?|unseren?) |die nutzungs)(richtlinien|regeln|grundsätzen?|vorgaben|nutzungsbedingungen|bedingungen)",
    "es": r"(eso|esto|(esta|esa|tu|su) (solicitud|petición|pregunta)|este contenido) "
    r"(va en contra de|viola|infringe|incumple) (mis|nuestr[oa]s) (directrices|normas|pautas|políticas|principios)",
    "fr": r"(cela|ceci|ça|(cette|votre|ta) (demande|question|requête)|ce contenu) "
    r"(va à l'encontre de|enfreint|viole|est contraire à) (mes|nos) (directives|principes|politiques|règles)",
    "it": r"(ciò|questo|(questa|la tua|la sua) (domanda|richiesta)|questo contenuto) "
    r"(va contro|viola) (le |i )?(mie|miei|nostre|nostri) (linee guida|norme|politiche|principi|regole)",
    "pt": r"(isso|isto|(este|esse|seu) (conteúdo|pedido)|(esta|essa|sua) (pergunta|solicitação)) "
    r"(vai contra|viola|infringe) (as |os )?(minhas|meus|noss[ao]s) (diretrizes|normas|políticas|princípios|regras)",
    "ru": r"(это|(этот|ваш|твой|данный) (запрос|вопрос)) (нарушает|противоречит) "
    r"(мои|моим|наши|нашим|нашу|нашей) ([^\s.!?]+ )?(правил|политик|принцип|рекомендаци)",
    "zh": r"(这|這|该|該|此|您的|你的)(个|個|种|一)?(请求|請求|要求|问题|問題|内容|內容)?(违反|違反|违背|違背)了?"
    rf"(我|我们|我們)的{REST}{{0,8}}(政策|准则|準則|规定|規定|原则|原則|指南)",
    "ja": rf"(この|その|ご|こちらの)(リクエスト|質問|内容|要求|依頼|要望)は{REST}{{0,20}}"
    r"(ポリシー|ガイドライン|規約)に(違反|反し|抵触)",
    "ko": rf"(이|해당|그) ?(요청|질문|콘텐츠|내용)[은는이] (저의|제|우리|당사|저희){REST}{{0,16}}"
    r"(정책|지침|가이드라인|규정)[을를에] ?(위반|위배|어긋)",
}
"""What was asked for breaks the rules of who answers, behind a few words that may say how sorry one is."""

DECLINES = "|".join([
    REFUSAL,
    *(f"{START}{declines}" for declines, _ in OTHERS.values()),
    rf"{START}({REST}{{0,30}}[\s,，、。.!])?({'|'.join(BREAKS.values())})",
])  # fmt: skip
ASKS_BACK = rf"^{REST}*: {REST}+\?"
"""One could answer if one knew."""

GOES_ON = "|".join([HELP, INSTEAD, ASKS_BACK, *(f"^{REST}*({goes_on})" for _, goes_on in OTHERS.values())])


WORDS_WANTED = (
    r"\btranslat|übersetz|\btradu[cizs]|перевед|翻译|翻譯|翻訳|訳して|번역"
    r"|\b(compose|draft|generate|give|make|need|record|rephrase|rewrite|say|write)\b[^.?!\n]{0,40}"
    r"\b(dialog(ue)?|e-?mail|greeting|letter|line|message|note|poem|reply|response|script|sentence|song|speech|story)s?\b"
)
"""A question for which the answer is somebody's words."""

TOLD_ABOUT = (
    r"\b(ai|an? language model|assist|content|create|compose|draft|fulfill?|generate|prompt|provide|request|translate"
    r"|write|writing)\b|anfrage|solicitud|demande|requête|richiesta|pedido|solicitação|запрос|请求|請求|要求|リクエスト|요청"
)
"""Who declines such a question speaks of it."""


def is_refusal(text: str, question: str) -> str:
    """SQL: whether an answer begins as a refusal, both in lower case and with straight quotes. Whether it goes on, and
    what was asked for, is looked at where it does: few."""
    declines, goes_on, wanted, told, sorry = (
        pattern.replace("'", "''") for pattern in (DECLINES, GOES_ON, WORDS_WANTED, TOLD_ABOUT, SORRY)
    )
    unopened = f"regexp_replace({text}, '{EXCLAIMS}', '')"
    text = f"CASE WHEN regexp_matches({text}, '{sorry}') THEN {text} ELSE {unopened} END"
    return (
        f"CASE WHEN regexp_matches({text}, '{declines}') THEN NOT regexp_matches({text}, '{goes_on}') "
        f"AND (regexp_matches({text}, '{told}') OR NOT regexp_matches({question}, '{wanted}')) ELSE false END"
    )
