import type { Kind } from '../../core/inventory.ts';
import { say } from '../../messages/say.ts';
import { creationTimeOf, locationOf, oneLine } from '../probe/streams.ts';
import type { Finder, Found, Probed } from './probed.ts';

type Mark = Extract<Kind, 'chapters' | 'date' | 'place' | 'tags'>;

/** What a file says about itself. */
export const MARKS: Readonly<Record<Mark, Finder>> = {
  chapters: {
    find: ({ output }) => {
      const count = output.chapters?.length ?? 0;
      return count > 0 ? [{ value: chaptersValue(count), what: say('media.has-chapters', { count }) }] : [];
    },
    compared: 'both',
    since: '4.4',
    examples: [{ value: '2', what: say('media.has-chapters', { count: 2 }) }],
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
};

/** Beyond 255, MP4's short list of chapters ends, and readers differ about the long one. */
function chaptersValue(count: number): string {
  return count > 255 ? 'many' : String(count);
}

/** To the second, as MP4 keeps it; earlier years are an unset clock. */
function dateValue(text: string | undefined): string | undefined {
  const time = text === undefined ? Number.NaN : Date.parse(text);
  if (Number.isNaN(time) || time < 0) return undefined;
  return new Date(time).toISOString().slice(0, 19);
}

/** About the container or its writer, or an item of another kind. */
const NOT_CONTENT =
  /^(major_brand|minor_version|compatible_brands|encoder|encoding_tool|creation_time|duration|handler_name|vendor_id|language|rotate|location.*|com\.apple\.quicktime\.location\.iso6709|_statistics.*|variant_bitrate|is_?vbr|wmfsdk.*|deviceconformancetemplate)$/i;

/** Names of the tags, in small letters as every container compares them. `title-eng` is another wording of `title`. */
function tags({ output }: Probed): Found[] {
  const given = Object.entries(output.format?.tags ?? {}).slice(0, MAX_TAGS);
  const names = given
    .filter(([name, value]) => String(value).trim() !== '' && !NOT_CONTENT.test(name))
    .map(([name]) => name.toLowerCase().replace(/-[a-z]{3}$/, ''));
  return [...new Set(names)].map(name => {
    const shown = oneLine(name) ?? name;
    return { value: shown, what: say('media.has-tag', { name: shown }) };
  });
}

/** As many as the facts of a file keep. */
const MAX_TAGS = 50;
