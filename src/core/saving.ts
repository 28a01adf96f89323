/** Whether a file only holds the address of a video: its size says nothing about the video's. */
export function isLinkName(name: string): boolean {
  return /\.(?:url|webloc|url\.txt)$/i.test(name);
}

/** Bytes of source and result, as far as they can be compared: none for a link. */
export function comparable(name: string, before: number, after: number): { before: number; after: number } {
  return isLinkName(name) ? { before: 0, after: 0 } : { before, after };
}

/** Share of the source that was saved, whole percent; negative for a result that grew, `undefined` where nothing can be compared. */
export function savedPercent(name: string, before: number, after: number): number | undefined {
  return isLinkName(name) || before <= 0 ? undefined : Math.round(100 - (after / before) * 100);
}
