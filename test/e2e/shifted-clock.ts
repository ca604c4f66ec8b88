/** A flag of Node by which a process takes it to be so much later than it is (earlier, where negative). */
export function shiftedClock(byMs: number): string {
  const preload = `
    const True = Date;
    globalThis.Date = class Date extends True {
      constructor(...when) {
        if (when.length === 0) super(True.now() + ${byMs});
        else super(...when);
      }
      static now() {
        return True.now() + ${byMs};
      }
    };`;
  return `--import=data:text/javascript,${encodeURIComponent(preload)}`;
}
