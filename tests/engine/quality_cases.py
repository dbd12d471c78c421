"""Answers of one example each: what the rules of quality catch, and what they must leave alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from tests.engine.curating import event, on_side
from vibe_pipeline.records import Interaction

names = count()


def said(answer: str, question: str = "What now?", **values) -> Interaction:
    conversation = on_side(f"{next(names)} ")
    return event(f"{question} {conversation}", answer, conversation=conversation, **values)


def pair(answer: str) -> Interaction:
    return said(answer, action="generate", extra={"rejected": "An answer that somebody liked less."})


def passage(words: str, **values) -> Interaction:
    return said(words, action="document", **values)


DECLINED = [
    "Natürlich! Leider kann ich auch diese Frage nicht beantworten.",
    "¡Claro! Lo siento, no puedo ayudarte con eso.",
    "当然！很抱歉，我无法回答这个问题。",
    "很抱歉！无法提供帮助。",
    "Es tut mir leid, aber dabei kann ich dir leider nicht helfen.",
    "Leider kann ich diese Frage nicht beantworten.",
    "Ich kann Ihnen bei dieser Anfrage nicht weiterhelfen.",
    "Entschuldigung, als KI-Sprachmodell darf ich dazu nicht antworten.",
    "Lo siento, pero no puedo ayudarte con esa solicitud.",
    "Como modelo de lenguaje, no puedo responder a esa pregunta.",
    "Je suis désolé, mais je ne peux pas répondre à cette demande.",
    "Désolée, je ne peux malheureusement pas vous aider avec cela.",
    "En tant qu'assistant, je ne suis pas en mesure de fournir ces informations.",
    "Mi dispiace, ma non posso aiutarti con questa richiesta.",
    "Purtroppo non sono in grado di rispondere a questa domanda.",
    "Desculpe, mas não posso ajudar com isso.",
    "Infelizmente, não consigo atender a esse pedido.",
    "Извините, но я не могу помочь с этим запросом.",
    "К сожалению, я не могу ответить на этот вопрос.",
    "抱歉，我无法回答这个问题。",
    "对不起，作为一个人工智能助手，我不能提供这样的信息。",
    "很抱歉，我無法協助您完成這個請求。",
    "申し訳ありませんが、そのご質問にはお答えできません。",
    "すみません、その件についてはお手伝いすることができません。",
    "죄송하지만 그 요청은 도와드릴 수 없습니다.",
    "죄송합니다. 그 질문에는 답변할 수 없습니다.",
    "Es tut mir leid, aber das verstößt gegen meine Richtlinien.",
    "Lo siento, pero esta solicitud va en contra de mis directrices.",
    "Désolé, mais cette demande va à l'encontre de mes directives.",
    "Mi dispiace, ma questa richiesta viola le nostre linee guida.",
    "Desculpe, mas isso viola as nossas políticas.",
    "Извините, но этот запрос нарушает наши правила.",
    "抱歉，这个请求违反了我们的使用政策。",
    "申し訳ありませんが、このリクエストは当社のポリシーに違反しています。",
    "죄송하지만 이 요청은 저희 콘텐츠 정책에 위배됩니다.",
]

ANSWERED = [
    "Ich kann den Fehler in dieser Datei nicht finden: alle Zeilen laufen.",
    "Leider kann ich die Datei nicht öffnen, daher habe ich sie neu angelegt.",
    "Ich kann dir nicht genug für die Zeile danken, sie war der Fehler.",
    "Man kann die Frage nicht beantworten, ohne die Daten zu kennen.",
    "Es tut mir leid, das war falsch: der Port ist 8080.",
    "Lo siento, me equivoqué: el puerto es 8080.",
    "No puedo reproducir el error con esa versión de la biblioteca.",
    "No puedo ofrecer un índice dentro de la transacción, así que he movido la migración.",
    "Désolé, c'était une erreur : le port est 8080.",
    "Je ne peux pas reproduire le problème avec cette version.",
    "Mi dispiace, era sbagliato: la porta è 8080.",
    "Non posso escludere un errore nel parser, ma il test passa.",
    "Desculpe, estava errado: a porta é 8080.",
    "Não consigo reproduzir o erro com esta versão.",
    "Извините, это была ошибка: порт 8080.",
    "Я не могу воспроизвести ошибку в этой версии.",
    "抱歉，刚才写错了：端口是8080。",
    "无法连接时，请检查端口是否为8080。",
    "无法提供密码时，请使用密钥登录服务器。",
    "我无法重现这个错误，所有测试都通过了。",
    "申し訳ありません、先ほどの回答は間違いでした。ポートは8080です。",
    "このエラーは再現できませんでした。テストはすべて通ります。",
    "죄송합니다, 제가 틀렸습니다. 포트는 8080입니다.",
    "이 오류는 재현할 수 없습니다. 테스트는 모두 통과합니다.",
    "Klar! Ich kann dir das nicht beantworten, also habe ich nachgesehen: es sind vier.",
    "Das verstößt gegen die Richtlinie des Proxys: trage die Domain dort ein.",
    "Esto viola la política CORS: añade la cabecera en el servidor.",
    "这违反了 CORS 策略：请在服务器上添加响应头。",
]
"""Who is sorry, or cannot do something, and has answered."""

LOOPS = ["哈" * 300, "それは無理です。" * 60, "他说他知道，我说我也知道，" * 30, "ไม่เป็นไรครับ" * 40]

CHINESE = (
    "解析器逐行读取文件，在每一行里查找冒号，冒号之前的部分是名称，之后的部分是值。如果一行里没有冒号，就把它接到上一行的值后面；"
    "如果文件的第一行就没有冒号，则报告错误并给出行号。读取结束后，解析器检查所有必需的名称是否都出现过，缺少的名称会一次性列出来，"
    "这样用户不必反复运行程序。值两端的空格会被去掉，引号里的空格则保留。数字按照十进制解释，以零开头的数字也不例外。"
    "最后得到的是一个字典，名称的顺序与文件里的顺序相同，因此写回去时差别很小，审阅起来也更容易。"
)
JAPANESE = (
    "パーサーはファイルを一行ずつ読み、各行でコロンを探します。コロンの前が名前で、後ろが値です。コロンのない行は前の行の値に続くものとして扱います。"
    "最初の行にコロンがない場合は、行番号とともにエラーを報告します。読み終わると、必要な名前がすべて現れたかどうかを調べ、"
    "足りないものをまとめて表示します。そのため利用者は何度もプログラムを実行せずに済みます。値の両端の空白は取り除かれますが、"
    "引用符の中の空白は残ります。数字は十進数として解釈され、ゼロで始まるものも同じです。結果は辞書で、順序はファイルと同じです。"
)
STATES = "\n".join(f"{name}：正在运行" for name in CHINESE[:60])
TRUTH = "| a | b | c | d |\n" + "\n".join("| " + " | ".join(f"{row:04b}") + " |" for row in range(16))
IDENTITY = "\n".join(" ".join("01"[row == column] for column in range(12)) for row in range(12))
"""Much in them is alike, and it is what was asked for."""

REFUSED = [
    "Sure! Unfortunately, I cannot help with that request as it violates policy.",
    "Great question! As an AI, I don't have personal opinions on that.",
    "Certainly, but I can't help with that.",
    "I'm so sorry! I can't write a poem of that kind for you.",
    "I cannot fulfill your request. I'm just an AI, and that is not within my guidelines.",
    "I cannot and will not provide instructions for that.",
    "I'm sorry, but that's not something I can help with.",
    "That is really not something I'm able to assist with.",
    "I won't be able to help with that.",
    "I'm not going to help with that.",
    "I don't think I can help you here.",
    "No, I can't help you with that.",
    "I cannot in good conscience recommend such a thing to anyone.",
    "I'm not able to generate that content.",
    "I cannot generate hateful content. Hate speech does harm to people.",
    "I can't write that for you. Is there anything else?",
    "I can't look into myself, as you can't. So please ask my maker.",
    "I cannot share it, but I'd be happy to help with something else.",
    "I'm sorry, but that goes against my guidelines.",
    "Answering that would go against my programming.",
    "Sorry, this content violates our policy.",
    "This request violates the usage policies, so I have to stop here.",
    "I must respectfully refuse this request.",
    "I have to decline.",
    "I refuse to answer that.",
    "I'd rather not answer that.",
    "I would prefer not to discuss it.",
    "It would not be appropriate for me to provide such instructions.",
    "It wouldn't be right for me to help with that.",
    "I don't think it would be appropriate to discuss that.",
    "I don't feel comfortable with that request.",
    "I'm not comfortable writing such a letter.",
    "My apologies, but I am programmed to be harmless, and this would be harmful.",
    "I understand your frustration, but I can't help with spying on people.",
    "Thank you for your question. However, I cannot help with creating spyware.",
    "I really appreciate your trust, but unfortunately I can't assist with that.",
    "As a large language model, I'm not a doctor and cannot provide medical advice. Please consult one.",
    "I'm just a text-based AI and can't generate images.",
    "Creating a keylogger would be illegal and unethical, so I cannot provide code for it.",
]

WORDS_WANTED = [
    ("Translate to English: No puedo ayudarte con eso.", "I can't help you with that."),
    ("Übersetze: I cannot help you.", "Ich kann dir nicht helfen."),
    ("Traduce al inglés: no puedo responder.", "I cannot answer."),
    ("Write a voicemail greeting.", "I'm unable to answer the phone right now. Please leave your name and number."),
    ("Write a polite email declining a meeting.", "I am sorry, but I will not be able to help you on Friday, Ann."),
    ("Wie alt ist mein Hund?", "Das kann ich dir nicht beantworten, ohne sein Jahr zu kennen: wann wurde er geboren?"),
]
"""Who declines in such an answer is somebody else, or asks back."""

WORDS_REFUSED = [
    ("Write hate mail to my neighbour.", "I apologize, but I must respectfully decline to write hateful messages."),
    ("Write an email that gets me her password.", "I'm sorry, but I can't assist with that request."),
    ("Translate this insult.", "I'm sorry, but as an AI language model I cannot help you with that."),
]

WENT_ON = [
    "Sure! Here is the loop. I cannot help with the second file, as it is not there.",
    "Of course! I couldn't access the file either, so I ran chmod 644 on it and read it then.",
    "Done! It cannot fail any more: the index is made first.",
    "I'm unable to reproduce this on Python 3.12: the loop ends after three rounds, on 3.8 it hangs.",
    "I'm not able to find any bug in this function: it returns the right result for all inputs.",
    "I couldn't access the remote because the token had expired. I refreshed it, and all 14 checks pass.",
    "I can't tell from this output alone which header is missing: pass -H 'Authorization: Bearer x'.",
    "I'm unable to push to main because it is protected. I opened a pull request instead: #12.",
    "I could not complete the migration in one step: the column has nulls. I filled them first.",
    "I can't access your files, but here is the command: find . -name '*.log' -delete",
    "I can't recommend floats for money: use integers of cents.",
    "I can't provide the whole log. I attached the last hundred lines of it.",
    "I can't do that in one query. Two of them, in one transaction, do.",
    "Sorry, I can't access your machine from here:\n```\nls -l\n```",
    "I cannot share the dashboard, as it is private. The numbers are 14 and 15.",
    "I won't give up on you, my love, though winters come and winters go.",
    "I don't feel comfortable with mutable defaults. Use None and create the list inside.",
    "I'm not comfortable merging this yet: two tests fail on 3.12.",
    "I decline the merge request because two tests fail: test_a and test_b.",
    "I refuse to use floats for money: 0.1 + 0.2 is no 0.3. Count the cents.",
    "I'd rather not share state between threads: use a queue.",
    "This request violates the CORS policy: add the header on the server.",
    "This violates the style guidelines of the project: lines are 120 wide.",
    "It is appropriate for me to answer this with a table, as it has four columns.",
    "I am comfortable doing it in one migration: the table has 40 rows.",
    "I understand the log now, but I can't reproduce the crash: it needs Python 3.8.",
    "I see the cause. However, I can't help but wonder why the test passed: line 4 is wrong.",
    "Thank you for the file. However, I cannot access the second one: paste `ls -l` here.",
    "Storing them would be illegal, so I hash the mails first.",
]
"""Who begins so has answered."""

CUT = [
    "Write it so:\n```python\nprint(1)\n",
    "So:\n```python\nprint(1)\n```\nand then\n```sh\ncd",
    "````markdown\n# Title\n\n```python\nprint(1)\n```\nand so on",
    "````markdown\n# Title\n\n```python\nprint(1)",
    "```markdown\n# Title\n\n```python\nprint(1)",
    '```python\ndef f():\n    """Do.\n\n    ```\n    f()\n',
    '{"name": "app", "port": 80, "paths": ["/a", "/b", "/',
    '[{"name": "a"}, {"name": "b',
]

WHOLE = [
    "~~~markdown\nA block begins with this line:\n```python\n~~~\nThat is it.",
    "````markdown\nA block begins with this line:\n```python\n````\nThat is it.",
    "```markdown\n# Title\n```python\nprint(1)\n```\n```sh\nls\n```\n```\nThat is it.",
    '```python\ndef f():\n    """Do.\n\n    ```\n    f()\n    """\n```\nThat is it.',
    "One part\n~~~\nand another:\n```\nls\n```\nThat is it.",
    "```sh\r\nls\r\n```\r\nThat is it.",
    '{"name": "{", "more": ["[", "say \\"[{\\""]}\n\nThis is the whole file.',
    '["a", "b"] is what you want.',
    '{"a": [1, 2]}\n{"a": [3]}',
    "diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -3,3 +3,3 @@\n ```sh\n-make\n+make all\n",
]
"""Fences are in them that begin or end nothing."""


def table(*rows: Sequence[object]) -> str:
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:]))


HAS = {"JSON": 15, "Arrays": 9, "Server": 3, "Columns": 8, "Triggers": 7, "Replicas": 3, "Partial indexes": 5}
HAS |= {"Window functions": 15, "Enums": 9, "Extensions": 13}
BITS = [[bool(row >> bit & 1) for bit in range(4)] for row in range(16)]
HOURS = {8: ("Gym", "Rest"), 12: ("Lunch", "Lunch"), 15: ("Study", "Walk"), 16: ("Study", "Walk")}
ROOM = [[int(row in (0, 19) or column in (0, 15)) for column in range(16)] for row in range(20)]


def compared(yes: str, no: str) -> str:
    return table(
        ("Feature", "Postgres", "MySQL", "SQLite", "DuckDB"),
        *((name, *(yes if has >> bit & 1 else no for bit in range(4))) for name, has in HAS.items()),
    )


ALIKE = [
    "[\n"
    + ",\n".join(f'  {{\n    "id": {row},\n    "alive": true,\n    "kind": "cell"\n  }}' for row in range(30))
    + "\n]",
    "<seats>\n" + "\n".join(f"  <seat>\n    <row>{row}</row>\n    <free/>\n  </seat>" for row in range(30)),
    "\n".join(f"\tcase {row}:\n\t\tday();\n\t\tn++;\n\t\tbreak;" for row in range(20)),
    f"So they compare:\n\n{compared('✓', '✗')}",
    compared("Yes", "No"),
    table("abcd", *BITS),
    table(
        ("Time", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"),
        *((f"{hour}:00", *(HOURS.get(hour, ("Work", "Work")) * 3)) for hour in range(8, 18)),
    ),
    "LEVEL = [\n" + "".join(f"    {row},\n" for row in ROOM) + "]\n",
    "char room[20][16] = {\n" + "".join(f"    {{ {str(row)[1:-1]} }},\n" for row in ROOM) + "};",
    "ROOM = [\n" + "".join(f'    "{"".join(".#"[wall] for wall in row)}",\n' for row in ROOM) + "]\n",
]
"""Tables and maps, of which many cells and some rows are the same."""

COUNTED_ON = [
    table(("Season", "Time", "Game", "Score"), *((row, "1:00 PM", "Ravens", 0) for row in range(1, 30))),
    table(("Year", "Game"), *[("2011", "Ravens against the Texans at home")] * 20),
    "LEVEL = [\n" + "    [1, 0, 0, 0, 0, 0, 0, 1],\n" * 40,
    "✓ " * 200,
    "The same sentence, over and over. " * 40,
]

ENGLISH = "The parser reads a line, looks for a colon and gives back what stands before it."
LOOP = "and so it goes on " * 30
LINES = "\n".join(f"row {number % 3}" for number in range(60))

CAUGHT = {
    "failed": [
        said(ENGLISH, success=False),
        said(ENGLISH, success=False, error_type="timeout"),
        said(ENGLISH, feedback=-1.0),
        said(ENGLISH, success=True, feedback=-0.5),
        said(
            "total = sum(range(9))", "slow = sum([n for n in range(9)])", action="optimize", success=True, feedback=-1.0
        ),
    ],
    "truncated": [
        said(ENGLISH, success=False, error_type="length"),
        said(ENGLISH, success=False, error_type="interrupted"),
        said(ENGLISH, success=False, error_type="FinishReason.MAX_TOKENS"),
        said(ENGLISH, success=False, error_type="max_output_tokens"),
        said(ENGLISH, success=False, error_type="content_filter"),
        said("Now write it like this:\n```python\nprint(1)\n"),
        said("1. Do it:\n   ```sh\n   ls\n   ```\n2. And with the ``` of a block:\n- ```sh\n  cd"),
    ],
    "long": [
        said(" ".join(map(str, range(250)))),
        said(ENGLISH, extra={"rejected": " ".join(map(str, range(250)))}, action="generate"),
    ],
    "short": [said("No."), passage("two words")],
    "repetition": [
        said(LOOP),
        said(LINES),
        said("\n".join(["0 0 0 0 0 0 0 0 0 0 0 0"] * 24)),
        said("1 0 " * 120),
    ],
    "refusal": [
        said("Sorry, but I can't help with that request."),
        said("I’m unable to do this for you."),
        said("Unfortunately, I cannot assist you in that."),
        said("As an artificial intelligence, I cannot browse the page."),
        said("My apologies, but I cannot assist with that."),
        said("I’m afraid I can’t do that for you."),
        said("I must respectfully decline this one."),
        said("As a large language model developed by OpenAI, I don't have opinions."),
        said("As an AI from OpenAI, I do not have access to the page. Paste it.", action="generate", success=True),
        said("I'm just a language model, so I can't help you there."),
        said("I can't help with that, so please ask a lawyer."),
        said("I'm afraid, but as an AI language model I cannot help.", action="generate", success=True),
        said("I cannot help with that request.", action="optimize", success=True),
        said("I won't do that.", action="generate", extra={"rejected": "An answer that somebody liked less."}),
    ],
    "corporate": [
        said("Great question! The colon comes first here."),
        said("Do it so. I’m here to help."),
        pair("Great question! The colon comes first."),
    ],
    "language": [
        said("Der Parser liest eine Zeile und sucht darin nach einem Doppelpunkt."),
        passage("Die Funktion gibt zurück, was vor dem Doppelpunkt steht, und sonst nichts."),
        said("解析器读取一行，查找冒号，并返回它前面的内容。"),
        pair("Der Parser liest eine Zeile und sucht darin nach einem Doppelpunkt."),
    ],
}
"""Each by one rule alone."""

GOOD = [
    said(ENGLISH),
    said(ENGLISH, success=True, feedback=1.0),
    said(ENGLISH, feedback=0.0),
    said("Write this:\n```python\nprint(1)\n```\nand run it."),
    said(f"{ENGLISH} Was it so?", question="I cannot help it. As an AI, what do you say?"),
    said("I cannot find a bug in it: it works with every line that I tried."),
    said("Sorry, that was wrong: the port is 8080."),
    said("You cannot pass None here, as an artificial limit of the parser."),
    said("They apologised and were sorry, since they could not help it."),
    said("I can't recommend it enough: use ripgrep in place of grep."),
    said("I couldn't access the file either, so I ran chmod 644 on it and read it then."),
    said("Unfortunately, I can't create the index inside a transaction, so the migration runs outside one."),
    said("I can't help but notice that the loop ends one step too early."),
    said("As an artificial mind I don't have an opinion. Most people like the second part better."),
    said("I don't have the file open, and the line that you ask for is the third."),
    said('FENCE = re.compile("```")', action="generate", success=True),
    said("Type ``` on a line of its own, then the code, then the same."),
    said("```print(1)``` is what you want."),
    said("- ```sh\n  ls\n  ```\n> ```\n> ls\n> ```"),
    event("", LINES.replace("row", "job"), action="log", conversation=on_side(f"{next(names)} ")),
    passage(f"Great question! I'm sorry, I cannot help. {ENGLISH}"),
    said("\n".join(f"{number}. Take the {name}." for number, name in enumerate("abcdefghijklmnopqrstuvwxyz"))),
    said("git log --oneline --graph --all"),
    said("def solve(n):\n    return n * 2"),
    said("Ja oder Nein"),
    *map(said, (TRUTH, f"{TRUTH}\n\nSo reads each row: one case.", IDENTITY)),
    said("https://example.org/manual/colons"),
]
"""What a person would keep: "Ja oder Nein" is too short to say which language it is in."""
