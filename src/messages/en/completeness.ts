/** What a container's own sizes say about a file that is not all there; ends of sentences about that file. */
export const COMPLETENESS_EN = {
  'completeness.share-of-media': ({ percent }: { percent: number }) =>
    `${onlyPercent(percent)} of its media data is there`,
  'completeness.share-of-announced': ({ percent }: { percent: number }) =>
    `${onlyPercent(percent)} of the size in its header is there`,
  'completeness.inside-box': ({ type }: { type: string }) => `it ends inside its '${type}' box`,
  'completeness.unwritten-part': 'part of it is allocated but not written yet',
  'completeness.unwritten': 'its space is allocated, but nothing is written yet',
  'completeness.bad-structure': 'its structure does not add up',
  'completeness.no-index': 'its index (moov) is not there yet',
  'completeness.no-media': 'its media data (mdat) is not there yet',
  'completeness.fragments-without-index': 'it is fragmented, and no index says where it ends',
  'completeness.empty-end': 'its end is empty',
  'completeness.only-header': 'it ends after its header',
  'completeness.inside-cluster': 'it ends in the middle of a cluster',
  'completeness.no-clusters': 'its media data is not there yet',
  'completeness.live': 'it was recorded live and does not say where it ends',
  'completeness.header-unfinished': 'its header was never finished',
  'completeness.cut-packet': ({ bytes, packetBytes }: { bytes: number; packetBytes: number }) =>
    `its last packet is cut short (${bytes} of ${packetBytes} bytes)`,
  'completeness.end-missing': 'its end is missing',
  'completeness.cut-tag': 'its last tag is cut short',
};

/** Percentages are rounded down, but something is always there. */
function onlyPercent(percent: number): string {
  return percent === 0 ? 'less than 1 %' : `only ${percent} %`;
}
