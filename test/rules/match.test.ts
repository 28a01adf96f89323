import { describe, expect, test } from 'vitest';
import { matches } from '../../src/rules/match.ts';

describe('match', () => {
  test.each<[string, string[], string, boolean]>([
    ['** takes everything', ['**'], 'a/b/clip.mp4', true],
    ['** takes what lies at the top', ['**'], 'clip.mp4', true],
    ['a pattern without a slash matches at the top', ['*.mov'], 'clip.mov', true],
    ['and in any sub-folder', ['*.mov'], 'a/b/clip.mov', true],
    ['but not another extension', ['*.mov'], 'a/clip.mp4', false],
    ['case does not count in the name', ['*.mov'], 'DCIM/CLIP.MOV', true],
    ['nor in the pattern', ['*.MOV'], 'clip.mov', true],
    ['a pattern with a slash counts from the inbox', ['camera/*.mov'], 'camera/clip.mov', true],
    ['and not from further down', ['camera/*.mov'], 'old/camera/clip.mov', false],
    ['* stops at a slash', ['camera/*.mov'], 'camera/a/clip.mov', false],
    ['** does not', ['camera/**'], 'camera/a/clip.mov', true],
    ['a folder is everything below it', ['camera/'], 'camera/a/clip.mov', true],
    ['a leading ./ says nothing', ['./camera/**'], 'camera/clip.mov', true],
    ['any of several is enough', ['*.mov', '*.avi'], 'clip.avi', true],
    ['braces are alternatives', ['*.{mov,avi}'], 'clip.avi', true],
    ['! takes out again', ['**', '!*.avi'], 'a/clip.avi', false],
    ['! alone takes all the others', ['!*.avi'], 'a/clip.mov', true],
    ['wherever it stands', ['!private/**', '**'], 'private/clip.mov', false],
    ['hidden files never match', ['**'], '.clip.mov', false],
    ['nor what lies in hidden folders', ['*.mov'], '.trash/clip.mov', false],
    ['nor with a slash in the pattern', ['a/**'], 'a/.trash/clip.mov', false],
    ['spaces and brackets in names are plain', ['*.mov'], 'my clip (1) [x].mov', true],
    ['a name with a line break in it is a name (was: no rule matched)', ['**'], 'two\nlines.mp4', true],
    ['also where a pattern names its ending', ['*.mp4'], 'a/two\r\nlines.mp4', true],
    ['names in other scripts match', ['视频/**'], '视频/片段.mp4', true],
  ])('%s', (_, patterns, relative, expected) => {
    expect(matches(patterns, relative)).toBe(expected);
  });
});
