import { type ReactNode, useEffect, useId, useRef } from "react";

/**
 * A modal dialog of the platform: it keeps the focus inside, Esc closes it, and the focus returns to what opened it.
 * The first element with `autofocus` gets the focus; it must never be the dangerous button.
 */
export function Dialog(props: { title: string; onClose: () => void; children: ReactNode; className?: string }) {
  const { title, onClose, children, className } = props;
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    const opener = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      dialog?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      className={className}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <div className="dlg">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}
