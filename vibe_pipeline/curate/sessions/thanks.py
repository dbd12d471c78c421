"""A remark that accepts what was made, in the languages of refusals.py.

It says thanks, praise or that it works, and nothing else but to ask for what stands beside the code. Whatever is said
besides may be a complaint ("Great, the tests are red now", "Danke, geht nicht"), in words that no list foresees: it is
the weakest evidence, and little is lost with it.
"""

from __future__ import annotations

ENGLISH = (
    r"(?:many )?(?:thanks|thank you|thx|cheers|lgtm)"
    r"(?: again| a lot| a ton| so much| very much| for (?:this|that|it|(?:the|your) help))*"
    r"|(?:(?:it|that|this)(?: is|s|.s) )?"
    r"(?:very |just |exactly )?(?:nice|great|perfect|awesome|excellent|brilliant|wonderful|amazing|fantastic)(?:ly)?"
    r"(?: job| work| stuff| code| solution| answer| one)?"
    r"|(?:(?:it|that|this) )?(?:all )?work(?:s|ed)(?: now| fine| well| great| perfectly| nicely| beautifully"
    r"| flawlessly| like a charm| as (?:expected|intended|it should)| too| (?:the )?first (?:time|try)"
    r"| for me| on my machine)*"
    r"|(?:it|that|this)(?: is|s|.s) (?:it|(?:exactly )?what i (?:need|want)(?:ed)?)|much appreciated|well done"
)

OTHERS = (
    # de
    r"(?:vielen |besten |herzlichen |tausend )?dank(?:e|eschön)?"
    r"(?: dir| ihnen| euch| schön| sehr| vielmals| nochmals?| für (?:die|deine|ihre) hilfe)*",
    r"(?:(?:es|das|alles|jetzt|nun|so|code|der) )*(?:funktioniert|klappt|läuft|geht|passt)"
    r"(?: (?:jetzt|nun|so|alles|sehr gut|gut|super|prima|perfekt|einwandfrei|wunderbar|bestens|tadellos|bei mir"
    r"|wie (?:erwartet|gewünscht|gewollt)|wie es soll))*",
    r"(?:jetzt|nun|so) (?:funktioniert|klappt|läuft|geht|passt) (?:es|das|alles)(?: super| prima| perfekt)?",
    r"(?:(?:das|es) )?hat (?:super |gut |prima |perfekt )?(?:funktioniert|geklappt)",
    r"(?:(?:das|es) ist |ist )?(?:sehr |einfach |echt |genau )?(?:super|perfekt|toll|prima|klasse|spitze|großartig"
    r"|ausgezeichnet|hervorragend|wunderbar|genial|richtig)(?: gemacht| arbeit| lösung| code)?",
    # es
    r"(?:muchas |muchísimas |mil )?gracias(?: por (?:la|tu|su) ayuda| por todo| de nuevo| otra vez)*",
    r"(?:(?:ya|ahora|todo|esto|eso|me|sí|así|el código) )*(?:funciona|funcionó|ha funcionado|va bien|va muy bien)"
    r"(?: (?:muy bien|bien|perfecto|perfectamente|correctamente|ahora|genial|de maravilla|a la perfección"
    r"|a la primera|como (?:esperaba|quería|se esperaba)))*",
    r"(?:es |está |quedó )?(?:muy |simplemente )?(?:perfect[oa]|genial|excelente|estupend[oa]|fantástic[oa]"
    r"|maravillos[oa]|increíble|muy bien)(?: trabajo)?|buen trabajo",
    r"(?:es )?(?:justo|exactamente) lo que (?:necesitaba|quería|buscaba)",
    # fr
    r"(?:mille |un grand )?mercis?(?: beaucoup| bien| infiniment| encore| à (?:toi|vous)"
    r"| pour (?:ton|votre|l.) ?aide)*",
    r"(?:(?:ça|cela|tout|maintenant|le code) )*(?:marche|fonctionne|a (?:bien )?(?:marché|fonctionné))"
    r"(?: (?:très bien|bien|parfaitement|super bien|maintenant|nickel|impeccablement|à merveille|chez moi"
    r"|comme (?:prévu|attendu|il faut)|du premier coup))*",
    r"(?:c.est )?(?:très |vraiment |tout simplement )?(?:parfait|super|génial|excellent|impeccable|nickel|bravo"
    r"|formidable|magnifique)(?: travail)?|(?:bien joué|beau travail)",
    r"c.est (?:exactement )?ce (?:que je (?:voulais|cherchais)|qu.il me fal(?:lait)|dont j.avais besoin)",
    # it
    r"(?:grazie|ti ringrazio)(?: mille| tante| infinite| ancora| di cuore| di nuovo| (?:mille )?per l.aiuto)*",
    r"(?:(?:ora|adesso|tutto|sì|così|il codice) )*(?:funziona|ha funzionato)(?: (?:tutto|ora|adesso|molto bene|bene"
    r"|benissimo|perfettamente|alla perfezione|alla grande|a meraviglia|come (?:previsto|volevo)|al primo colpo))*",
    r"(?:è )?(?:davvero |semplicemente )?(?:perfett[oa]|ottim[oa]|eccellente|fantastic[oa]|grandioso|bravissimo"
    r"|magnific[oa])(?: lavoro)?",
    r"(?:è )?(?:proprio|esattamente) (?:quello|ciò) (?:che (?:volevo|cercavo)|di cui avevo bisogno)",
    # pt
    r"(?:muito )?(?:obrigad[oa]|valeu)(?: mesmo| demais| de novo| novamente| pela (?:sua )?ajuda| por tudo)*",
    r"(?:(?:agora|já|tudo|isso|está|o código) )*(?:funciona|funcionou|funcionando|deu certo)(?: (?:muito bem|bem"
    r"|perfeitamente|direitinho|certinho|agora|de primeira|como (?:esperado|eu queria)))*",
    r"(?:está |é |ficou )?(?:muito |simplesmente )?(?:perfeit[oa]|ótim[oa]|excelente|maravilhos[oa]|fantástic[oa]"
    r"|incrível)(?: trabalho)?",
    r"(?:é )?(?:exatamente|justamente) o que eu (?:precisava|queria)",
    # ru
    r"(?:большое |огромное )?(?:спасибо|благодарю|спс)(?: большое| огромное| вам| тебе| ещё раз| еще раз| за помощь)*",
    r"(?:(?:всё|все|теперь|это|код|да|уже) )*(?:работает|заработал[оа]?|получилось|сработало)"
    r"(?: (?:отлично|хорошо|идеально|прекрасно|теперь|всё|все|как (?:надо|нужно|часы)|с первого раза))*",
    r"(?:это )?(?:просто |очень )?(?:отлично|супер|идеально|прекрасно|великолепно|замечательно|класс|круто"
    r"|превосходно|молодец)|отличная работа",
    # zh
    r"(?:(?:非常|十分|太|多)?(?:谢谢|感谢|謝謝|感謝)(?:你|您|啦|了|你的帮助|您的帮助)*"
    r"|(?:现在|現在|已经|已經|终于|終於|代码|代碼|程序|它)*(?:可以(?:(?:用|运行|運行|正常运行|正常運行|工作)?了)?"
    r"|能(?:用|运行|運行|跑)了|成功(?:运行|運行)?了|(?:运行|運行|工作)(?:正常|成功|良好)了?|没问题了?|沒問題了?|搞定了?)"
    r"|太好了|太棒了|(?:很|真|非常)(?:好|棒)|完美)+",
    # ja
    r"(?:(?:どうも|本当に|大変)*(?:ありがとう|有難う)(?:ございます|ございました)?"
    r"|(?:無事に?|ちゃんと|うまく|上手く|正常に|問題なく|完璧に|これで|やっと)*"
    r"(?:動きました|動いた|動いています|動作しました|動作しています|できました|出来ました|いきました)(?:よ|ね)?"
    r"|(?:本当に|とても)?(?:助かりました|助かります)|(?:とても|本当に)?(?:完璧|素晴らしい|最高|すごい)(?:です|でした)?ね?)+",
    # ko
    r"(?:정말 |너무 |대단히 |매우 )*(?:감사(?:합니다|해요|드립니다)|고마워요?|고맙습니다)",
    r"(?:이제 |아주 |정말 |완벽하게 |제대로 )*(?:잘 )?(?:작동(?:합니다|해요|하네요|됩니다)|동작(?:합니다|해요|하네요)"
    r"|됩니다|돼요|되네요|됐습니다|됐어요|성공했(?:습니다|어요))",
    r"(?:정말 |너무 |아주 )*(?:완벽(?:합니다|해요|하네요)|훌륭(?:합니다|해요|하네요)|최고(?:입니다|예요|에요))",
)
PRAISES = "|".join((ENGLISH, *OTHERS))

BESIDE = (
    r"(?:add|write|generate|create)(?: me)?(?: an?| the| some| unit| more)*"
    r" (?:tests?|docs|documentation|docstrings?|comments|readme|type hints|benchmarks?|examples?|commit message)"
    r"(?: for (?:it|this|that|them))?"
    r"|(?:the same |do the same )?in (?:bash|c|c\+\+|c#|go|haskell|java|javascript|julia|kotlin|lua|perl|php|python|r"
    r"|ruby|rust|scala|sql|swift|typescript)"
)

MARK = r"[^\pL\pN_?？]"
AND = "and|und|y|et|e|и"

ACCEPTS = (
    rf"(?i)^{MARK}*(?:(?:(?:{AND}) )?(?:{PRAISES})(?:{MARK}+|$))+"
    rf"(?:(?:and |now |next |then |please )*(?:{BESIDE}){MARK}*)?$"
)
