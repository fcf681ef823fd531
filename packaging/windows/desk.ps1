# Starts the agent of a desk for everybody who logs in, as that user and without a window.
# Run it as an administrator, once; with -Remove it is taken away.
param([switch]$Remove)
$ErrorActionPreference = 'Stop'
$task = 'passport-agent'
function Invoke-Checked { # a program that has to end with 0
    & $args[0] $args[1..($args.Length - 1)] | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "$($args[0]) ended with $LASTEXITCODE" }
}
if ($Remove) {
    Unregister-ScheduledTask -TaskName $task -Confirm:$false
    return
}
if (-not $PSScriptRoot.StartsWith($env:ProgramFiles)) { throw "Unpack the archive below $env:ProgramFiles, where only administrators write." }
$program = Join-Path $PSScriptRoot 'passport-agent.exe'
# What stands in conf.d holds for all users: nobody but administrators writes it. A folder
# in ProgramData is everybody's to write, unless it is said. Groups go by number, since
# their names are translated.
$base = Join-Path $env:ProgramData 'passport-agent'
New-Item -ItemType Directory -Force (Join-Path $base 'conf.d') | Out-Null
Invoke-Checked icacls.exe $base /setowner '*S-1-5-32-544' /T /Q
Invoke-Checked icacls.exe $base /inheritance:r /grant:r '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-32-545:(OI)(CI)RX' /Q
Invoke-Checked icacls.exe (Join-Path $base 'conf.d') /reset /T /Q
# Freed memory is overwritten (docs/security.md).
$command = "`$env:GODEBUG = 'clobberfree=1'; & '$program' serve; exit `$LASTEXITCODE"
$action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoProfile -WindowStyle Hidden -Command `"$command`""
$users = New-ScheduledTaskPrincipal -GroupId 'S-1-5-32-545' -RunLevel Limited
$settings = New-ScheduledTaskSettingsSet -MultipleInstances Parallel -ExecutionTimeLimit ([TimeSpan]::Zero) `
    -RestartCount 3 -RestartInterval (New-TimeSpan -Minutes 1) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
Register-ScheduledTask -TaskName $task -Action $action -Trigger (New-ScheduledTaskTrigger -AtLogOn) -Principal $users -Settings $settings | Out-Null
