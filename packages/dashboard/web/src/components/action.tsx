import { type ReactNode, useRef, useState } from "react";
import { useWords } from "../words/index.ts";
import { Button, type ButtonProps } from "./button.tsx";
import { Dialog } from "./dialog.tsx";
import { Glyph } from "./state.tsx";

/** What an action says when it is done. */
export interface Done {
  said: string;
  /** Takes it back. */
  undo?: () => Promise<Done>;
}

export interface Question {
  title: string;
  /** What will happen, a sentence each. */
  facts?: readonly ReactNode[];
  /** More of the dialog, such as a field. */
  children?: ReactNode;
  /** The way back: "Keep them". */
  keep: string;
  /** What is done: "Cancel 12 431 tasks". */
  go: string;
  dangerous?: boolean;
}

export interface ActionProps extends Pick<ButtonProps, "icon" | "look" | "size" | "label" | "disabled" | "children"> {
  /** Asked before it is done; absent for what can be taken back at once. */
  question?: Question;
  run: () => Promise<Done>;
}

/** A button that does something to the fleet: it asks, shows that it works, and says beside itself how it ended. */
export function Action({ question, run, ...button }: ActionProps) {
  const { common } = useWords();
  const [isAsking, setAsking] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [done, setDone] = useState<Done | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const wasPressed = useRef(false);

  const start = async (action: () => Promise<Done>): Promise<void> => {
    // Two presses before the next drawing are one.
    if (wasPressed.current) return;
    wasPressed.current = true;
    setBusy(true);
    setProblem(null);
    setDone(null);
    try {
      setDone(await action());
      setAsking(false);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setAsking(false);
    } finally {
      wasPressed.current = false;
      setBusy(false);
    }
  };

  return (
    <>
      <Button {...button} busy={isBusy} onClick={() => (question ? setAsking(true) : void start(run))} />
      {isAsking && question && (
        <Dialog title={question.title} onClose={() => !isBusy && setAsking(false)}>
          {question.facts && (
            <ul className="plain">
              {question.facts.map((fact, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the facts of one question do not move
                <li key={index}>
                  <span>
                    <Glyph name="info" />
                  </span>
                  <span>{fact}</span>
                </li>
              ))}
            </ul>
          )}
          {question.children}
          <footer>
            <Button onClick={() => setAsking(false)}>{question.keep}</Button>
            <Button
              look={question.dangerous ? "danger solid" : "primary"}
              busy={isBusy}
              onClick={() => void start(run)}
            >
              {question.go}
            </Button>
          </footer>
        </Dialog>
      )}
      <span role="status" className="outcome">
        {done && (
          <span className="toast good">
            <Glyph name="completed" />
            <span>{done.said}</span>
            {done.undo && (
              <Button size="small" onClick={() => done.undo && void start(done.undo)}>
                {common.undo}
              </Button>
            )}
            <Button size="small" look="quiet" icon="close" label={common.close} onClick={() => setDone(null)} />
          </span>
        )}
        {problem !== null && (
          <span className="toast bad">
            <Glyph name="failed" />
            <span>{problem}</span>
            <Button size="small" look="quiet" icon="close" label={common.close} onClick={() => setProblem(null)} />
          </span>
        )}
      </span>
    </>
  );
}
