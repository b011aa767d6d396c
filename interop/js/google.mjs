// Google's own npm client drives the fake: the shapes of its URLs, its error parsing, its conditional headers.
// Last line: PASSED FAILED.
import assert from 'node:assert/strict';
import { auth, calendar } from '@googleapis/calendar';

const { FAKE } = process.env;
const ME = 'node@clinic.example';
const control = async (command) => {
  const answer = await fetch(`${FAKE}/control`, { method: 'POST', body: JSON.stringify(command) });
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
};
const visit = (day, more = {}) => ({
  summary: `Visit ${day}`,
  start: { dateTime: `2026-03-${day}T09:00:00`, timeZone: 'Europe/Berlin' },
  end: { dateTime: `2026-03-${day}T09:30:00`, timeZone: 'Europe/Berlin' },
  ...more,
});

let passed = 0;
let failed = 0;
async function check(name, step) {
  try {
    await step();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.error(`  RED ${name}: ${String(error.stack ?? error).split('\n').slice(0, 12).join('\n    ')}`);
  }
}
const refused = (promise, status, reason) => assert.rejects(promise, (error) => {
  assert.equal(error.response?.status, status);
  assert.equal(error.response.data.error.errors[0].reason, reason);
  return true;
});

await control({ do: 'account', email: ME, zone: 'Europe/Berlin' });
const client = new auth.OAuth2();
client.setCredentials({ access_token: await control({ do: 'token', email: ME, scopes: ['calendar'] }) });
const google = calendar({ version: 'v3', auth: client, rootUrl: `${FAKE}/`, retry: false });
const calendarId = 'primary';

await check('events: insert, get, patch with null, update, delete', async () => {
  const { data } = await google.events.insert({ calendarId, requestBody: visit('03', { id: 'aaaaa', location: '1' }) });
  assert.equal(data.iCalUID, 'aaaaa@google.com');
  const patched = await google.events.patch({ calendarId, eventId: 'aaaaa', requestBody: { location: null } });
  assert.equal(patched.data.location, undefined);
  await google.events.update({ calendarId, eventId: 'aaaaa', requestBody: visit('04') });
  assert.equal((await google.events.get({ calendarId, eventId: 'aaaaa' })).data.start.dateTime, '2026-03-04T09:00:00+01:00');
  assert.equal((await google.events.delete({ calendarId, eventId: 'aaaaa' })).status, 204);
  await refused(google.events.delete({ calendarId, eventId: 'aaaaa' }), 410, 'deleted');
});
await check('If-Match as a header of the call', async () => {
  const { data } = await google.events.insert({ calendarId, requestBody: visit('05', { id: 'bbbbb' }) });
  const change = (etag) => google.events.patch(
    { calendarId, eventId: 'bbbbb', requestBody: { summary: 'x' } }, { headers: { 'If-Match': etag } },
  );
  assert.equal((await change(data.etag)).status, 200);
  await refused(change(data.etag), 412, 'conditionNotMet');
});
await check('pages and sync tokens', async () => {
  for (let day = 10; day < 17; day += 1) await google.events.insert({ calendarId, requestBody: visit(day) });
  let pageToken;
  let syncToken;
  let count = 0;
  do {
    const { data } = await google.events.list({ calendarId, maxResults: 3, pageToken });
    count += data.items.length;
    ({ nextPageToken: pageToken, nextSyncToken: syncToken } = data);
  } while (pageToken);
  assert.equal(count, 8);
  await google.events.delete({ calendarId, eventId: 'bbbbb' });
  const { data } = await google.events.list({ calendarId, syncToken });
  assert.deepEqual(data.items.map((one) => [one.id, one.status]), [['bbbbb', 'cancelled']]);
  await control({ do: 'invalidateTokens', calendar: ME });
  await refused(google.events.list({ calendarId, syncToken }), 410, 'fullSyncRequired');
});
await check('a series and its instances', async () => {
  const recurrence = ['RRULE:FREQ=WEEKLY;COUNT=5', 'EXDATE;TZID=Europe/Berlin:20260309T090000'];
  await google.events.insert({ calendarId, requestBody: visit('02', { id: 'ccccc', recurrence }) });
  const { data } = await google.events.instances({ calendarId, eventId: 'ccccc' });
  assert.deepEqual(data.items.map((one) => one.start.dateTime.slice(5, 10)), ['03-02', '03-16', '03-23', '03-30']);
  await google.events.delete({ calendarId, eventId: data.items[1].id });
  const shown = (await google.events.list({ calendarId })).data.items.filter((one) => one.recurringEventId);
  assert.equal(shown[0].status, 'cancelled');
});
await check('import, move, calendars', async () => {
  const { data } = await google.events.import({ calendarId, requestBody: visit('06', { iCalUID: 'foreign@x' }) });
  const destination = (await google.calendars.insert({ requestBody: { summary: 'Clinic' } })).data.id;
  await google.events.move({ calendarId, eventId: data.id, destination });
  assert.equal((await google.events.get({ calendarId: destination, eventId: data.id })).data.iCalUID, 'foreign@x');
  const listed = (await google.calendarList.list()).data.items;
  assert.ok(listed.some((one) => one.id === destination && one.accessRole === 'owner'));
});
await check('watch and stop', async () => {
  const requestBody = { id: 'n1', type: 'web_hook', address: 'https://clinic.example/hook', token: 't' };
  const { data } = await google.events.watch({ calendarId, requestBody });
  assert.match(data.expiration, /^\d{13}$/);
  await google.channels.stop({ requestBody: { id: 'n1', resourceId: data.resourceId } });
  await refused(google.channels.stop({ requestBody: { id: 'n1', resourceId: data.resourceId } }), 404, 'notFound');
});
await check('freebusy, colors, settings', async () => {
  const requestBody = { timeMin: '2026-03-10T00:00:00Z', timeMax: '2026-03-11T00:00:00Z', items: [{ id: ME }] };
  assert.equal((await google.freebusy.query({ requestBody })).data.calendars[ME].busy.length, 1);
  assert.equal(Object.keys((await google.colors.get()).data.event).length, 11);
  assert.equal((await google.settings.get({ setting: 'timezone' })).data.value, 'Europe/Berlin');
});
await check('refused without a token, and by a fault', async () => {
  const stranger = calendar({ version: 'v3', rootUrl: `${FAKE}/`, retry: false });
  await refused(stranger.events.list({ calendarId }), 401, 'authError');
  const trouble = { refuse: { status: 403, reason: 'quotaExceeded', message: 'Calendar usage limits exceeded.' } };
  await control({ do: 'fault', fault: { method: 'calendar.events.insert', trouble, times: 1 } });
  await refused(google.events.insert({ calendarId, requestBody: visit('07') }), 403, 'quotaExceeded');
});
console.log(passed, failed);
