"""The words by which mail programs mark forwards, replies and the headers they copy into the text, by language.

All folded (`pipelines.text.fold`): no accents, small letters, other scripts in ASCII. From the programs' own
translations: Gmail, Outlook, Apple Mail, Thunderbird, Yahoo.
"""

from __future__ import annotations

from typing import Final

from pipelines.text import fold, vocabulary


def _folded(listed: str) -> frozenset[str]:
    return frozenset(fold(entry) for entry in vocabulary(listed, "|"))


FROM: Final = _folded(
    """
    from|de|remetente|remitente|von|da|mittente|van|afzender|od|från|avsändare|fra
    afsender|lähettäjä|от|від|от кого
    feladó|de la|expéditeur|kimden|gönderen|από|odesílatel|差出人|送信者|发件人|寄件者|寄件人|보낸 사람|보낸사람
    מאת|من|oд
    šalje|pošiljatelj|expeditor|saatja|nuo|no|dari|จาก|từ|người gửi|nadawca|odosielateľ|αποστολέας|remitent
    """
)
SENT: Final = _folded(
    """
    date|sent|sent on|data|enviado|enviada|enviado em|enviada em|enviado el|data de envio|fecha|gesendet|gesendet am
    datum|envoyé|envoyé le|date d'envoi|inviato|inviata|data invio|verzonden|wysłano
    data wysłania|skickat|sendt|dato
    lähetetty|päivämäärä|päiväys|pvm|odesláno|dátum|elküldve|küldve|odoslané|trimis
    data trimiterii|tarih|gönderildi
    gönderilme tarihi|дата|отправлено|дата отправки|надіслано|дата відправлення|poslano
    datum slanja|ημερομηνία|στάλθηκε|εστάλη|enviat|enviat el|saadetud|išsiųsta|nosūtīts|đã gửi|dikirim
    送信日時|日付|日時|发送时间|日期|寄件日期|傳送時間|时间|보낸 날짜|날짜|תאריך|נשלח|تاريخ|التاريخ|vrijeme|tanggal|ngày
    """
)
TO: Final = _folded(
    """
    to|para|pour|destinatário|destinatario|an|à|a|aan|do|till|til|vastaanottaja|komu|címzett
    către|la|catre|kime|alıcı
    кому|pro|za|prima|προς|宛先|收件人|받는 사람|받는사람|אל|إلى|to whom|destinataire|kepada|đến|kam|kome
    per a|adresat|odbiorca|saaja|gavėjas|příjemce
    """
)
SUBJECT: Final = _folded(
    """
    subject|assunto|asunto|betreff|objet|sujet|oggetto|onderwerp|temat|ämne|emne|aihe
    otsikko|předmět|predmet|věc
    tárgy|subiect|konu|тема|θέμα|件名|题目|主题|主旨|제목|נושא|الموضوع|naslov|perihal|chủ đề|tema|assumpte|teema
    """
)
OTHER: Final = _folded(
    """
    cc|bcc|cco|cópia|copia|com cópia|copie|kopie|kopi|kopia|kopio|dw|udw|copie à|копия
    копія|másolatot kap|másolat
    bilgi|κοιν|抄送|副本|참조|עותק|reply-to|reply to|responder a|responder para|antwort an
    répondre à|rispondi a
    antwoord aan|svar till|svar til|importance|importância|prioridade|priority
    attachments|anexos|anexo|adjuntos
    anlagen|pièces jointes|allegati|bijlagen|resent-from|resent from|organization
    organização|newsgroups
    """
)
FORWARDED: Final = _folded(
    """
    forwarded message|forwarded email|forwarded by|original message forwarded|mensagem encaminhada|e-mail encaminhado
    mensagem reencaminhada|início da mensagem encaminhada|mensagem original encaminhada
    início da mensagem reencaminhada
    mensaje reenviado|inicio del mensaje reenviado|mensaje encaminado|mensagem remetida
    weitergeleitete nachricht|weitergeleitete mail|anfang der weitergeleiteten nachricht
    anfang der weitergeleiteten e-mail
    weitergeleitet von
    message transféré|message transmis|message réexpédié|début du message transféré
    début du message réexpédié
    messaggio inoltrato|inizio messaggio inoltrato|inoltrato|doorgestuurd bericht|begin doorgestuurd bericht
    begin van doorgestuurd bericht|doorgezonden bericht|wiadomość przekazana dalej
    przekazana wiadomość
    wiadomość przekazana|początek przekazywanej wiadomości
    początek przekazanej wiadomości|treść przekazanej wiadomości
    vidarebefordrat meddelande|vidarebefordrat brev|vidarebefordrat mejl|vidarebefordrat mail
    påbörjar det vidarebefordrade brevet|början på det vidarebefordrade brevet
    videresendt meddelelse|videresendt melding|videresendt besked|start på videresendt besked
    begynnelsen på videresendt melding|begynder videresendt besked|videresendt e-post
    videresendt mail
    start på videresendt meddelelse
    välitetty viesti|edelleenlähetetty viesti|välitetty viesti alkaa|välitetyn viestin alku
    edelleen lähetetty viesti
    přeposlaná zpráva|začátek přeposílané zprávy|preposlaná správa
    začiatok preposlanej správy|preposlaný email
    předávaná zpráva|preposlaná správa začína
    továbbított üzenet|továbbított levél|a továbbított levél kezdete
    továbbított levél kezdete|mesaj redirecționat
    mesaj retrimis|începutul mesajului redirecționat|mesaj transferat
    început mesaj redirecționat
    iletilmiş mesaj|yönlendirilmiş ileti|iletilen ileti|iletilen mesaj
    yönlendirilen ileti|iletinin başlangıcı
    iletilmiş mesaj başlangıcı|ileti başlangıcı|yönlendirilen mesaj
    пересылаемое сообщение|пересланное сообщение|перенаправленное сообщение
    начало переадресованного сообщения
    начало пересылаемого сообщения|переадресоване повідомлення|переслане повідомлення
    перенаправлене повідомлення
    початок листа, що пересилається|початок переадресованого повідомлення
    початок переспрямованого повідомлення
    препратено съобщение|προωθημένο μήνυμα|prosljeđena poruka|proslijeđena poruka
    proslijeđena je poruka
    započni proslijeđenu poruku|početak proslijeđene poruke|posredovano sporočilo
    prosleđena poruka
    転送されたメッセージ|転送メッセージ|転送されたメール|被转发的邮件|转发的邮件|转发邮件|已转发邮件|轉寄的郵件
    已轉寄的郵件|被转发邮件信息|전달된 메시지|전달된 메일|הודעה שהועברה|رسالة مُعاد توجيهها|الرسالة المعاد توجيهها
    missatge reenviat|pesan terusan|thư đã chuyển tiếp|begin forwarded message
    start of forwarded message
    forwarded mail|edastatud kiri|pārsūtīta ziņa|persiųstas laiškas
    """
)
ORIGINAL: Final = _folded(
    """
    original message|mensagem original|mensaje original|ursprüngliche nachricht
    originalnachricht|original-nachricht
    original appointment|message d'origine|message original|messaggio originale|messaggio originario
    oorspronkelijk bericht|origineel bericht|wiadomość oryginalna|oryginalna wiadomość
    originalmeddelande
    ursprungligt meddelande|ursprungligt brev|original besked|oprindelig meddelelse|opprinnelig melding
    alkuperäinen viesti
    původní zpráva|pôvodná správa|eredeti üzenet|mesaj original|mesajul original
    özgün ileti|orijinal mesaj
    orijinal ileti
    исходное сообщение|оригинальное сообщение|вихідне повідомлення
    оригінальне повідомлення|izvorna poruka
    αρχικό μήνυμα|元のメッセージ|原始邮件|原始郵件|원본 메시지|הודעה מקורית|الرسالة الأصلية
    original email|original mail|e-mail original|correo original|reply message|replied message
    """
)
WROTE: Final = _folded(
    """
    wrote|writes|said|escreveu|escreveram|escribió|escribio|escrigué|va escriure|schrieb
    schrieb am|a écrit|à écrit
    écrit|ha scritto|scrisse
    schreef|het volgende geschreven|geschreven|napisał|napisała|napisał(a)|napisał/a
    napisal|pisze|skrev|følgende
    kirjoitti
    napsal|napsala|napsal(a)|napísal|napísal(a)|írta|ezt írta|a scris|scris|yazdı
    şunu yazdı|şunları yazdı
    написал|написала|написал(а)|пишет|писал|писал(а)|написав|написала|пише|написа|έγραψε
    je napisao|je napisala|napisao
    je napisao/la|napisao je|napisala je|wrote the following|のメール|書きました|写道|寫道|님이 작성|作成
    כתב|כתבה|كتب|menulis|đã viết
    schreef het volgende|a écrit ce qui suit|rakstīja|rašė|kirjutas|shkroi|wrote as follows
    """
)
FORWARD_PREFIXES: Final = _folded(
    "fw|fwd|enc|res enc|rv|wg|tr|i|inoltro|doorst|doorgest|fs|vs|vl|vb|vidarebefordrat|videresendt|pd|πρθ"
    "|přeposláno|továbbítás"
    "|i̇lt|ilt|ynt ilt|fyi|encaminhada|encaminhado|reenv|trs|转发|轉寄|転送|전달|пересл|fwd fwd|prosl|redir"
)
REPLY_PREFIXES: Final = _folded(
    "re|res|resp|rif|r|aw|antw|sv|vs|odp|ref|ynt|atb|ad|回复|回覆|答复|返信|회신|отв|на|rép|rv re|antwort"
)
