/* SPDX-License-Identifier: GPL-2.0-only */
/* picture_look.h - sizes of a picture in pixels, which its layout and its drawing share. */
#ifndef BPF_CKPT_PICTURE_LOOK_H
#define BPF_CKPT_PICTURE_LOOK_H

#define LOOK_CARD_H 38
#define LOOK_LOW 160     /* a block up to this height is a low one */
#define LOOK_CARD_PAD 10
#define LOOK_CARD_MIN 56
#define LOOK_NOTE_GAP 7
#define LOOK_GAP 12      /* between things in a row */
#define LOOK_GUTTER 20   /* between rows: the line that the children hang on runs there */
#define LOOK_BUS 10      /* that line, above the row */
#define LOOK_INDENT 26   /* of children */
#define LOOK_RAIL 12     /* from the left of a card down to its children */
#define LOOK_DROP 14     /* from that line down to a child, from the left of it */
#define LOOK_BOX_PAD 14
#define LOOK_BOX_HEAD 38 /* top of a box to its first card */
#define LOOK_LABEL_X (LOOK_BOX_PAD + LOOK_DROP + 12) /* the line to the init passes on the left */
#define LOOK_MARGIN 24
#define LOOK_TOP 62      /* title */
#define LOOK_LEGEND 62
#define LOOK_WIDTH_MIN 540
#define LOOK_ROOM_MIN 260

/* DejaVu Sans Mono and its like are 0.602 em wide; 13 and 11 pixels. */
#define LOOK_NAME_WIDTH(columns) ((int)(columns) * 783 / 100)
#define LOOK_CHAIN_WIDTH(columns) ((int)(columns) * 663 / 100)

#endif
