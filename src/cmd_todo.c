#include "cmd.h"
int cmd_check(int c, char **v){return 1;}
int cmd_ps(int c, char **v){return 1;}
int cmd_show(int c, char **v){return 1;}
int cmd_verify(int c, char **v){return 1;}
