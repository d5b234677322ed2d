// Sends each response of a Google Form to Portaria, signed as Standard Webhooks define (standardwebhooks.com).
//
// In the form: ⋮ → Apps Script, paste this, set the two lines below, run `install` once and allow it.
// In portaria.toml:  [sources.form]  kind = "googleforms"  secret = "whsec_..."   (openssl rand -base64 32, behind whsec_)

const ADDRESS = 'https://portaria.example.com/hooks/form';
const SECRET = 'whsec_...';

function install() {
  const form = FormApp.getActiveForm();
  ScriptApp.getProjectTriggers().forEach((each) => ScriptApp.deleteTrigger(each));
  ScriptApp.newTrigger('onResponse').forForm(form).onFormSubmit().create();
  ScriptApp.newTrigger('sendLastDays').timeBased().everyHours(6).create();
}

function onResponse(event) {
  send(event.source, event.response);
}

// What could not be sent when it came. Portaria knows what it has: nothing arrives twice.
function sendLastDays() {
  const form = FormApp.getActiveForm();
  form.getResponses(new Date(Date.now() - 2 * 24 * 3600 * 1000)).forEach((each) => send(form, each));
}

function send(form, response) {
  const payload = {};
  response.getItemResponses().forEach((each) => { payload[each.getItem().getTitle()] = each.getResponse(); });
  const body = JSON.stringify({
    source: 'google_forms',
    form: { id: form.getId(), title: form.getTitle() },
    response: {
      id: response.getId(),
      timestamp: response.getTimestamp().toISOString(),
      email: response.getRespondentEmail() || '',
      payload: payload,
    },
  });
  const id = 'msg_' + response.getId() + '_' + response.getTimestamp().getTime();
  const time = String(Math.floor(Date.now() / 1000));
  const signed = Utilities.newBlob(id + '.' + time + '.' + body).getBytes();
  const key = Utilities.base64Decode(SECRET.replace('whsec_', ''));
  const signature = Utilities.base64Encode(Utilities.computeHmacSha256Signature(signed, key));
  UrlFetchApp.fetch(ADDRESS, {
    method: 'post',
    contentType: 'application/json',
    payload: Utilities.newBlob(body).getBytes(),
    headers: { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': 'v1,' + signature },
  });
}
