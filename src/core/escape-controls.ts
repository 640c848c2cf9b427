/**
 * Text with control characters written as `\xNN` or `\uNNNN`, so that it stays on its line in a log, a header or a
 * reply. Characters that turn the direction of the text around, and so hide what it says, are among them.
 */
export function escapeControls(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, char => {
    const code = char.charCodeAt(0)
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}
