import type { Kind } from '../../core/inventory.ts';
import { say } from '../../messages/say.ts';
import { chaptersOf, creationTimeOf, ISO_6709, locationOf, oneLine } from '../probe/streams.ts';
import type { Finder, Found, Probed } from './probed.ts';

type Mark = Extract<Kind, 'chapters' | 'date' | 'place' | 'tags' | 'unread'>;

/** Chapters that end before anything begins. */
export const CHAPTERS_BEFORE = 'before';

/** What a file says about itself. */
export const MARKS: Readonly<Record<Mark, Finder>> = {
  chapters: {
    find: ({ output, main, lines }) => {
      const { inFilm: count, before } = chaptersOf(output, main, lines);
      return [
        // How many depends on the container: two that begin together are one, and the first begins at zero.
        ...(count > 0 ? [{ value: 'chapters', what: say('media.has-chapters', { count }) }] : []),
        ...(before > 0 ? [{ value: CHAPTERS_BEFORE, what: say('media.has-chapters-before', { count: before }) }] : []),
      ];
    },
    compared: 'missing',
    since: '4.4',
    examples: [
      { value: 'chapters', what: say('media.has-chapters', { count: 2 }) },
      { value: CHAPTERS_BEFORE, what: say('media.has-chapters-before', { count: 2 }) },
    ],
  },
  date: {
    find: ({ output, main }) => {
      const value = dateValue(creationTimeOf(output, main));
      return value === undefined ? [] : [{ value, what: say('media.has-date', { date: value.slice(0, 10) }) }];
    },
    compared: 'missing',
    since: '4.4',
    examples: [{ value: '2021-03-04T05:06:07', what: say('media.has-date', { date: '2021-03-04' }) }],
  },
  place: {
    find: ({ output }) => (locationOf(output) === undefined ? [] : [{ value: 'place', what: say('media.has-place') }]),
    compared: 'missing',
    since: '4.4',
    examples: [{ value: 'place', what: say('media.has-place') }],
  },
  tags: {
    find: tags,
    compared: 'missing',
    since: '4.4',
    examples: [
      { value: 'title', what: say('media.has-tag', { name: 'title' }) },
      { value: 'director', what: say('media.has-tag', { name: 'director' }) },
    ],
  },
  unread: {
    find: ({ signs: { unreadBytes: bytes } }) =>
      bytes === 0 ? [] : [{ value: 'unread', what: say('media.has-unread', { bytes }) }],
    compared: 'unplanned',
    since: '4.4',
    examples: [{ value: 'unread', what: say('media.has-unread', { bytes: 500_000 }) }],
  },
};

/** As ffmpeg reads it; any other text is a tag. */
const DATE = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?$/;

/** To the second, as MP4 keeps it; earlier years are an unset clock. */
function dateValue(text: string | undefined): string | undefined {
  const time = text !== undefined && DATE.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time) || time < 0) return undefined;
  return new Date(time).toISOString().slice(0, 19);
}

/** About the container or its writer, or an item of another kind. */
const NOT_CONTENT =
  /^(major_brand|minor_version|compatible_brands|encoder|encoding_tool|duration|handler_name|vendor_id|language|rotate|_statistics.*|variant_bitrate|is_?vbr|wmfsdk.*|deviceconformancetemplate)$/i;

/** Names of the tags, in small letters as every container compares them. `title-eng` is another wording of `title`. */
function tags({ output }: Probed): Found[] {
  const given = Object.entries(output.format?.tags ?? {}).filter(([name, value]) => isTag(name, String(value)));
  const names = new Set(given.map(([name]) => name.toLowerCase()));
  const wordings = [...names].filter(name => names.has(name.replace(/-[a-z]{3}$/, '')) && /-[a-z]{3}$/.test(name));
  for (const name of wordings) names.delete(name);
  const listed = names.size > MAX_TAGS ? [`more than ${MAX_TAGS}`] : [...names];
  return listed.map(name => {
    const shown = oneLine(name) ?? name;
    return { value: shown, what: say('media.has-tag', { name: shown }) };
  });
}

/** Of one kind with another item, or about the file as such. */
function isTag(name: string, value: string): boolean {
  if (/^creation_time$/i.test(name)) return !DATE.test(value);
  if (/^(location|com\.apple\.quicktime\.location)/i.test(name)) return !ISO_6709.test(value);
  // QuickTime names a language with it: `encoder-eng`.
  return value.trim() !== '' && !NOT_CONTENT.test(name.replace(/-[a-z]{3}$/i, ''));
}

/** Beyond, they are one item. */
const MAX_TAGS = 200;
