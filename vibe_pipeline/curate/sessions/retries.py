"""When the same question twice in a row asks for another answer, and when for what comes next.

Who says "continue" twice asks for two continuations. Not here: what the source says of retries (choices.py).
"""

from __future__ import annotations

GOING_ON = (
    r"please|ok|okay|yes|yep|yeah|y|k|sure|of course|no|nope|n|thanks|thank you|great|good|cool|and|then|now|do it"
    r"|continue|continue writing|(?:continue )?(?:from )?where you left off|go|go on|go ahead|carry on|keep going"
    r"|keep writing|proceed|resume|finish|next|next (?:part|one|page|step|chapter|question)|what (?:is |s )?next"
    r"|more|one more|some more|(?:tell|show|give) me more|\d{1,3}"
    r"|bitte|ja|nein|und|dann|klar|gerne?|danke|weiter|(?:mach|schreib|erzähl|fahr)e? (?:weiter|fort)|weitermachen"
    r"|fortfahren|fortsetzen|nächste[rs]?|(?:noch )?mehr"
    r"|por favor|s[ií]|vale|claro|gracias|contin[uú]ar?|sigue|adelante|siguiente|m[aá]s"
    r"|s il (?:te|vous) pla[iî]t|oui|non|et|alors|d accord|merci|continue[sz]|poursui(?:s|vez)|vas y|allez y|encore"
    r"|(?:la )?suite|suivante?|plus"
    r"|per favore|va bene|certo|grazie|continui|(?:vai )?avanti|prosegui|ancora|di più|prossim[oa]"
    r"|sim|n[aã]o|obrigad[oa]|(?:pode )?continuar|prossiga|prossegue|segue|pr[oó]xim[oa]|mais"
    r"|да|нет|пожалуйста|ок|хорошо|давай(?:те)?|спасибо|продолжай(?:те)?|продолжи(?:ть)?|дальше|далее|ещ[её]"
    r"|следующ(?:ий|ая|ее)"
    r"|(?:请|請|好的?|嗯)?(?:继续|繼續)(?:吧|说|說|写|寫)?|接着(?:说|写)?|接著(?:說|寫)?|然后呢?|然後呢?|下一(?:个|個|步|页|頁|章|题|題)"
    r"|好的?|嗯|是的?|对|對|不|可以|行|更多|谢谢|謝謝"
    r"|はい|うん|いいえ|お願いします|ありがとう|(?:続けて|つづけて)(?:ください|下さい)?|続き(?:を(?:お願いします)?)?|次へ?|もっと"
    r"|네|예|응|아니요?|좋아요?|감사합니다|계속(?:해(?:서|줘)?)?|주세요|계속해주세요|다음|더"
)
"""What only asks for what comes next, or answers a question, in the languages of refusals.py; without marks."""

IS_GOING_ON = rf"""CASE WHEN length(asked) <= 60 THEN
    regexp_matches(trim(regexp_replace(lower(asked), '[\s\pP\pS]+', ' ', 'g')), '^(?:(?:{GOING_ON})(?: |$))*$')
ELSE false END"""
