// What a person sees while something takes time: a line per step, with a running clock on a terminal.

export interface Progress {
  /** Runs `work` under a title; the line ends with how long it took. `update` changes the words after the title. */
  step<T>(title: string, work: (update: (detail: string) => void) => Promise<T>): Promise<T>;
  say(text: string): void;
}

export function terminalProgress(stream: NodeJS.WriteStream = process.stdout): Progress {
  const live = stream.isTTY;
  return {
    say: (text) => void stream.write(`${text}\n`),
    async step(title, work) {
      const begun = performance.now();
      const seconds = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
      let detail = "";
      const draw = (mark: string, end: string) => {
        const line = `${mark} ${title}${detail === "" ? "" : `: ${detail}`} (${seconds()})`;
        stream.write(live ? `\r\x1b[2K${line.slice(0, stream.columns - 1)}${end}` : `${line}${end}`);
      };
      const ticker = live ? setInterval(() => draw("…", ""), 200) : undefined;
      try {
        const result = await work((text) => void (detail = text));
        draw("✓", "\n");
        return result;
      } catch (error) {
        draw("✗", "\n");
        throw error;
      } finally {
        clearInterval(ticker);
      }
    },
  };
}
