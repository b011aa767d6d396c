// What a program written with tsdav does with a server: find the home, list and make calendars, write, read, change,
// delete, and follow the changes by sync-collection. Each step is one check; a step that throws is one failure and
// the next ones still run. Last line: PASSED FAILED.
import assert from 'node:assert/strict';
import { DAVClient, freeBusyQuery, getBasicAuthHeaders, syncCollection } from 'tsdav';

const { SERVER, USER_NAME, PASSWORD, HOME_PATH } = process.env;
const credentials = { username: USER_NAME, password: PASSWORD };
const headers = getBasicAuthHeaders(credentials);
const client = new DAVClient({
  serverUrl: `${SERVER}/`, credentials, authMethod: 'Basic', defaultAccountType: 'caldav',
});

const event = (uid, summary, day, more = []) => [
  'BEGIN:VCALENDAR', 'VERSION:2.0', 'PRODID:-//Kalends//interop//EN', 'BEGIN:VEVENT', `UID:${uid}`,
  'DTSTAMP:20260101T000000Z', `DTSTART:202603${day}T090000Z`, `DTEND:202603${day}T093000Z`, `SUMMARY:${summary}`,
  ...more, 'END:VEVENT', 'END:VCALENDAR', '',
].join('\r\n');
const path = (url) => decodeURIComponent(new URL(url, SERVER).pathname);
const inMarch = { start: '2026-03-01T00:00:00Z', end: '2026-04-01T00:00:00Z' };

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

let calendar;
let objects = [];
let syncToken;
const sync = (token) => syncCollection({
  url: calendar.url, props: { 'd:getetag': {} }, syncLevel: 1, syncToken: token, headers,
});
const changed = (responses) => responses.filter((r) => r.href && path(r.href).endsWith('.ics'));
const tokenOf = (responses) => responses[0]?.raw?.multistatus?.syncToken;
const named = (name) => objects.find((o) => path(o.url).endsWith(`/${name}`));

await check('discovery finds the home', async () => {
  await client.login();
  assert.equal(path(client.account.homeUrl), HOME_PATH);
});
await check('the calendars of a new account', async () => {
  const found = (await client.fetchCalendars()).map((c) => path(c.url));
  assert.ok(found.includes(`${HOME_PATH}default/`), found.join(' '));
  assert.ok(found.includes(`${HOME_PATH}tasks/`), found.join(' '));
});
await check('MKCALENDAR', async () => {
  const answers = await client.makeCalendar({
    url: `${SERVER}${HOME_PATH}visits/`, props: { 'd:displayname': 'Visits <& more>' },
  });
  assert.ok(answers.every((a) => a.ok), JSON.stringify(answers.map((a) => a.status)));
  calendar = (await client.fetchCalendars()).find((c) => path(c.url) === `${HOME_PATH}visits/`);
  assert.equal(calendar.displayName, 'Visits <& more>');
});
await check('supported reports are listed', async () => {
  for (const report of ['calendarQuery', 'calendarMultiget', 'syncCollection', 'freeBusyQuery']) {
    assert.ok(calendar.reports.includes(report), `${report} not in ${calendar.reports}`);
  }
});
await check('PUT of 20 new objects', async () => {
  for (let n = 1; n <= 20; n += 1) {
    const day = String(n).padStart(2, '0');
    const answer = await client.createCalendarObject({
      calendar, filename: `visit ${day}.ics`, iCalString: event(`tsdav-${day}`, `Visit ${day}`, day),
    });
    assert.equal(answer.status, 201);
  }
});
await check('If-None-Match refuses a second one of the name', async () => {
  const answer = await client.createCalendarObject({
    calendar, filename: 'visit 01.ics', iCalString: event('tsdav-01', 'again', '01'),
  });
  assert.equal(answer.status, 412);
});
await check('all of a time range, with their text', async () => {
  objects = await client.fetchCalendarObjects({ calendar, timeRange: inMarch });
  assert.equal(objects.length, 20);
  assert.ok(objects.every((o) => o.etag && o.data.includes('BEGIN:VEVENT')));
});
await check('a time range that holds three', async () => {
  const some = await client.fetchCalendarObjects({
    calendar, timeRange: { start: '2026-03-05T00:00:00Z', end: '2026-03-08T00:00:00Z' },
  });
  assert.equal(some.length, 3);
});
await check('multiget of two', async () => {
  const two = await client.fetchCalendarObjects({ calendar, objectUrls: [objects[0].url, objects[1].url] });
  assert.equal(two.length, 2);
});
await check('sync-collection from nothing', async () => {
  const first = await sync('');
  assert.equal(changed(first).length, 20);
  syncToken = tokenOf(first);
  assert.ok(syncToken);
});
await check('PUT of a change with its ETag', async () => {
  const one = named('visit 02.ics');
  const answer = await client.updateCalendarObject({
    calendarObject: { ...one, data: one.data.replace('Visit 02', 'Visit moved') },
  });
  assert.ok(answer.ok, String(answer.status));
});
await check('PUT with the old ETag is refused', async () => {
  const answer = await client.updateCalendarObject({ calendarObject: named('visit 02.ics') });
  assert.equal(answer.status, 412);
});
await check('DELETE', async () => {
  const answer = await client.deleteCalendarObject({ calendarObject: named('visit 03.ics') });
  assert.ok(answer.ok, String(answer.status));
});
await check('sync-collection says one changed, one gone', async () => {
  const next = await sync(syncToken);
  const seen = Object.fromEntries(changed(next).map((r) => [path(r.href).split('/').pop(), r.status]));
  assert.deepEqual(Object.keys(seen).sort(), ['visit 02.ics', 'visit 03.ics']);
  assert.equal(seen['visit 03.ics'], 404);
});
await check('the detailed sync of tsdav itself', async () => {
  const done = await client.smartCollectionSync({
    collection: { ...calendar, objects, objectMultiGet: client.calendarMultiGet.bind(client) }, method: 'webdav', detailedResult: true,
  });
  assert.equal(done.objects.deleted.length, 1);
});
await check('free-busy-query', async () => {
  const busy = await freeBusyQuery({ url: calendar.url, timeRange: inMarch, headers });
  const said = JSON.stringify(busy.raw ?? busy);
  assert.ok(busy.ok && said.includes('20260304T090000Z') && !said.includes('20260303T090000Z'), said.slice(0, 400));
});
await check('expand', async () => {
  await client.createCalendarObject({
    calendar, filename: 'series.ics', iCalString: event('tsdav-series', 'Weekly', '02', ['RRULE:FREQ=WEEKLY']),
  });
  const found = await client.fetchCalendarObjects({
    calendar, expand: true, timeRange: { start: '2027-03-01T00:00:00Z', end: '2027-03-15T00:00:00Z' },
  });
  assert.equal(found.length, 1);
  assert.equal(found[0].data.match(/BEGIN:VEVENT/g).length, 2);
});
await check('the calendar goes', async () => {
  const answer = await fetch(calendar.url, { method: 'DELETE', headers });
  assert.ok(answer.ok, String(answer.status));
  assert.ok(!(await client.fetchCalendars()).some((c) => path(c.url) === `${HOME_PATH}visits/`));
});

console.log(passed, failed);
