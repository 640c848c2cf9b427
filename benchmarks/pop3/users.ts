/** Whose mailboxes are filled; all have the password `secret`. The first one's is read. */
export const users = ['alice', 'bob', 'carol']
